// Secrets and configs.
import type { Config, ConfigSpec, Secret, SecretSpec } from "@mswarm/wire";
import { annotations, driver, meta } from "./basics.ts";
import { adjusted } from "./collections.ts";
import { fieldsOf } from "./message.ts";
import { base64, text } from "./scalars.ts";
import type { MessageShape, Shape } from "./shape.ts";

const secretSpecs = fieldsOf<SecretSpec>("SecretSpec");

/** What a client sends to create or update a secret. */
export const secretSpec: Shape<SecretSpec> = secretSpecs.message(
  [
    secretSpecs.inline("annotations", annotations),
    secretSpecs.field("Data", "data", base64),
    secretSpecs.field("Driver", "driver", driver),
    secretSpecs.field("Templating", "templating", driver),
  ],
  {},
);

/** Never with the data, whatever the object holds. */
const shownSecretSpec = adjusted(secretSpec, { write: ({ data: _hidden, ...spec }) => secretSpec.write(spec) });

const secrets = fieldsOf<Secret>("Secret");
export const secret: MessageShape<Secret> = secrets.message(
  [
    secrets.field("ID", "id", text, { always: true }),
    secrets.inline("meta", meta),
    secrets.field("Spec", "spec", shownSecretSpec, { always: true, absentAs: {} }),
  ],
  { internal: "internal ones are not shown at all" },
);

const configSpecs = fieldsOf<ConfigSpec>("ConfigSpec");
export const configSpec: Shape<ConfigSpec> = configSpecs.message(
  [
    configSpecs.inline("annotations", annotations),
    configSpecs.field("Data", "data", base64),
    configSpecs.field("Templating", "templating", driver),
  ],
  {},
);

const configs = fieldsOf<Config>("Config");
export const config: MessageShape<Config> = configs.message(
  [
    configs.field("ID", "id", text, { always: true }),
    configs.inline("meta", meta),
    configs.field("Spec", "spec", configSpec, { always: true, absentAs: {} }),
  ],
  {},
);
