import { invalidArgument } from "@mswarm/runtime";
import type {
  Privileges,
  Privileges_AppArmorOpts,
  Privileges_AppArmorOpts_AppArmorMode,
  Privileges_CredentialSpec,
  Privileges_SELinuxContext,
  Privileges_SeccompOpts,
  Privileges_SeccompOpts_SeccompMode,
} from "@mswarm/wire";
import { saidByMember } from "./basics.ts";
import { adjusted } from "./collections.ts";
import { fieldsOf } from "./message.ts";
import { base64, flag, text, wordOf } from "./scalars.ts";
import type { Shape } from "./shape.ts";

const credentials = fieldsOf<Privileges_CredentialSpec>("CredentialSpec");
const credentialTable = credentials.message(
  [
    credentials.field("Config", "config", text, { always: true, since: 40 }),
    credentials.field("File", "file", text, { always: true }),
    credentials.field("Registry", "registry", text, { always: true }),
  ],
  { source: saidByMember },
);

const credentialSpec: Shape<Privileges_CredentialSpec> = adjusted(credentialTable, {
  read: (json, place) => {
    const spec = credentialTable.read(json, place);
    const given = (["config", "file", "registry"] as const).filter((key) => spec[key] !== undefined);
    if (given.length === 1) return spec;
    const sources = given.map((key) => JSON.stringify(key));
    throw invalidArgument(
      `invalid CredentialSpec: ${
        given.length === 0
          ? 'must either provide "file", "registry", or "config" for credential spec'
          : `cannot specify both ${sources.slice(0, -1).join(", ")}${given.length > 2 ? "," : ""} and ${sources.at(-1)} credential specs`
      }`,
    );
  },
});

const labels = fieldsOf<Privileges_SELinuxContext>("SELinuxContext");
const selinuxContext = labels.message(
  [
    labels.field("Disable", "disable", flag, { always: true }),
    labels.field("User", "user", text, { always: true }),
    labels.field("Role", "role", text, { always: true }),
    labels.field("Type", "type", text, { always: true }),
    labels.field("Level", "level", text, { always: true }),
  ],
  {},
);

const seccompOptions = fieldsOf<Privileges_SeccompOpts>("SeccompOpts");
const seccomp = seccompOptions.message(
  [
    seccompOptions.field(
      "Mode",
      "mode",
      wordOf<Privileges_SeccompOpts_SeccompMode>(
        { DEFAULT: "default", UNCONFINED: "unconfined", CUSTOM: "custom" },
        (word) => `invalid seccomp mode: ${JSON.stringify(word)}`,
      ),
      { always: true },
    ),
    seccompOptions.field("Profile", "profile", base64),
  ],
  {},
);

const appArmorOptions = fieldsOf<Privileges_AppArmorOpts>("AppArmorOpts");
const appArmor = appArmorOptions.message(
  [
    appArmorOptions.field(
      "Mode",
      "mode",
      wordOf<Privileges_AppArmorOpts_AppArmorMode>(
        { DEFAULT: "default", DISABLED: "disabled" },
        (word) => `invalid AppArmor mode: ${JSON.stringify(word)}`,
      ),
      { always: true },
    ),
  ],
  {},
);

const all = fieldsOf<Privileges>("Privileges");
const table = all.message(
  [
    all.field("CredentialSpec", "credentialSpec", credentialSpec),
    all.field("SELinuxContext", "selinuxContext", selinuxContext),
    all.field("Seccomp", "seccomp", seccomp, { since: 44 }),
    all.field("AppArmor", "apparmor", appArmor, { since: 44 }),
    all.field("NoNewPrivileges", "noNewPrivileges", flag, { since: 44 }),
  ],
  {},
);

export const privileges: Shape<Privileges> = adjusted(table, {
  // These two are null in Docker's JSON where they are not set.
  write: (value) => ({ CredentialSpec: null, SELinuxContext: null, ...(table.write(value) as object) }),
});
