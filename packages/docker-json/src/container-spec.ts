import { invalidArgument } from "@mswarm/runtime";
import type {
  ConfigReference,
  ContainerSpec,
  ContainerSpec_DNSConfig,
  ContainerSpec_Isolation,
  ContainerSpec_Ulimit,
  FileTarget,
  HealthConfig,
  SecretReference,
} from "@mswarm/wire";
import { saidByMember } from "./basics.ts";
import { adjusted, listOf, mapOf, nothing, wrapped } from "./collections.ts";
import { fieldsOf } from "./message.ts";
import { mount } from "./mounts.ts";
import { privileges } from "./privileges.ts";
import { flag, int32, int64, text, uint32, wordOf } from "./scalars.ts";
import type { Shape } from "./shape.ts";
import { duration } from "./times.ts";

const healths = fieldsOf<HealthConfig>("HealthConfig");
const health = healths.message(
  [
    healths.field("Test", "test", listOf(text)),
    // Docker stores these also when they are zero.
    healths.field("Interval", "interval", duration, { absentAs: 0 }),
    healths.field("Timeout", "timeout", duration, { absentAs: 0 }),
    healths.field("StartPeriod", "startPeriod", duration, { absentAs: 0 }),
    healths.field("StartInterval", "startInterval", duration, { since: 44 }),
    healths.field("Retries", "retries", int32),
  ],
  {},
);

const dns = fieldsOf<ContainerSpec_DNSConfig>("DNSConfig");
const dnsConfig = dns.message(
  [
    dns.field("Nameservers", "nameservers", listOf(text)),
    dns.field("Search", "search", listOf(text)),
    dns.field("Options", "options", listOf(text)),
  ],
  {},
);

const files = fieldsOf<FileTarget>("SecretReferenceFileTarget");
const fileTarget = files.message(
  [
    files.field("Name", "name", text, { always: true }),
    files.field("UID", "uid", text, { always: true }),
    files.field("GID", "gid", text, { always: true }),
    files.field("Mode", "mode", uint32, { always: true }),
  ],
  {},
);

const secrets = fieldsOf<SecretReference>("SecretReference");
const secretReference = secrets.message(
  [
    secrets.field("File", "file", fileTarget),
    secrets.field("SecretID", "secretId", text, { always: true }),
    secrets.field("SecretName", "secretName", text, { always: true }),
  ],
  { target: saidByMember },
);

/** Docker leaves out references that are not files: its CLI reads the file without looking. */
const secretReferences = adjusted(listOf(secretReference, "[]*swarm.SecretReference"), {
  write: (references) =>
    references.filter(({ file }) => file !== undefined).map((reference) => secretReference.write(reference)),
});

const configs = fieldsOf<ConfigReference>("ConfigReference");
const configTable = configs.message(
  [
    configs.field("File", "file", fileTarget),
    configs.field("Runtime", "runtime", nothing, { since: 40 }),
    configs.field("ConfigID", "configId", text, { always: true }),
    configs.field("ConfigName", "configName", text, { always: true }),
  ],
  { target: saidByMember },
);

const configReference: Shape<ConfigReference> = adjusted(configTable, {
  read: (json, place) => {
    const reference = configTable.read(json, place);
    const { file, runtime } = reference;
    if (file === undefined && runtime === undefined) {
      throw invalidArgument("invalid Config: either File or Runtime should be set");
    }
    if (file !== undefined && runtime !== undefined) {
      throw invalidArgument("invalid Config: cannot specify both File and Runtime");
    }
    return reference;
  },
});

const isolation = wordOf<ContainerSpec_Isolation>(
  { ISOLATION_DEFAULT: "default", ISOLATION_PROCESS: "process", ISOLATION_HYPERV: "hyperv" },
  (word) => `invalid isolation: ${JSON.stringify(word)}`,
  { ignoresCase: true },
);

const limits = fieldsOf<ContainerSpec_Ulimit>("Ulimit");
const ulimit = limits.message(
  [
    limits.field("Name", "name", text, { always: true }),
    limits.field("Hard", "hard", int64, { always: true }),
    limits.field("Soft", "soft", int64, { always: true }),
  ],
  {},
);

const spec = fieldsOf<ContainerSpec>("ContainerSpec");

/** `TaskTemplate.ContainerSpec`. Source: engine-api reference 15. */
export const containerSpec: Shape<ContainerSpec> = spec.message(
  [
    spec.field("Image", "image", text),
    spec.field("Labels", "labels", mapOf(text)),
    spec.field("Command", "command", listOf(text)),
    spec.field("Args", "args", listOf(text)),
    spec.field("Hostname", "hostname", text),
    spec.field("Env", "env", listOf(text)),
    spec.field("Dir", "dir", text),
    spec.field("User", "user", text),
    spec.field("Groups", "groups", listOf(text)),
    spec.field("Privileges", "privileges", privileges),
    spec.field("Init", "init", wrapped(flag)),
    spec.field("StopSignal", "stopSignal", text),
    spec.field("TTY", "tty", flag),
    spec.field("OpenStdin", "openStdin", flag),
    spec.field("ReadOnly", "readOnly", flag),
    spec.field("Mounts", "mounts", listOf(mount, "[]mount.Mount")),
    spec.field("StopGracePeriod", "stopGracePeriod", duration),
    spec.field("Healthcheck", "healthcheck", health),
    spec.field("Hosts", "hosts", listOf(text)),
    spec.field("DNSConfig", "dnsConfig", dnsConfig),
    spec.field("Secrets", "secrets", secretReferences),
    spec.field("Configs", "configs", listOf(configReference, "[]*swarm.ConfigReference")),
    spec.field("Isolation", "isolation", isolation, { always: true }),
    spec.field("Sysctls", "sysctls", mapOf(text), { since: 40 }),
    spec.field("CapabilityAdd", "capabilityAdd", listOf(text), { since: 41 }),
    spec.field("CapabilityDrop", "capabilityDrop", listOf(text), { since: 41 }),
    spec.field("Ulimits", "ulimits", listOf(ulimit, "[]*units.Ulimit"), { since: 41 }),
    spec.field("OomScoreAdj", "oomScoreAdj", int64, { since: 46 }),
  ],
  {
    pullOptions: "credentials of a registry come by a header and are never shown",
    pidsLimit: "it is Resources.Limits.Pids of the task",
  },
);
