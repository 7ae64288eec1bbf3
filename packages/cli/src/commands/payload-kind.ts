// Secrets and configs are alike; this is what their commands need to know of either.
import { config, type JsonObject, secret } from "@mswarm/docker-json";
import type { Annotations, Config, Meta, Secret } from "@mswarm/wire";
import type { Control } from "../cli-context.ts";
import { findConfig, findSecret } from "../control/lookup.ts";
import type { Column } from "../output/listing.ts";
import { prettyConfig, prettySecret } from "../output/pretty-payload.ts";

/** What both have. */
export interface Payload {
  readonly id?: string;
  readonly meta?: Meta;
  readonly spec?: { readonly annotations?: Annotations };
}

export interface PayloadFilters {
  readonly idPrefixes: string[];
  readonly namePrefixes: string[];
  readonly labels: Record<string, string>;
}

export interface NewPayload {
  readonly annotations: { readonly name: string; readonly labels?: Record<string, string> };
  readonly data: Buffer;
  readonly templating?: { readonly name: string };
}

export interface PayloadKind<T extends Payload> {
  readonly name: string;
  /** The name at the beginning of a sentence. */
  readonly title: string;
  /** What `inspect` shows. */
  readonly inspected: string;
  /** Docker can ask a plugin for the content; `--driver` is refused with a sentence here. */
  readonly hasDrivers: boolean;
  /** Beyond id, name and times. */
  readonly columns: readonly Column<T>[];
  /** The new id. */
  create(control: Control, spec: NewPayload): Promise<string>;
  list(control: Control, filters: PayloadFilters): Promise<readonly T[]>;
  find(control: Control, text: string): Promise<T>;
  remove(control: Control, id: string): Promise<void>;
  json(object: T): JsonObject;
  pretty(object: T): string;
}

export const secretKind: PayloadKind<Secret> = {
  name: "secret",
  title: "Secret",
  inspected: "everything about secrets but their content",
  hasDrivers: true,
  columns: [{ header: "DRIVER", field: "Driver", cell: ({ spec }) => spec?.driver?.name ?? "" }],
  create: async (control, spec) => (await control.CreateSecret({ spec })).secret?.id ?? "",
  list: async (control, filters) => (await control.ListSecrets({ filters })).secrets ?? [],
  find: findSecret,
  remove: async (control, secretId) => void (await control.RemoveSecret({ secretId })),
  json: secret.write,
  pretty: prettySecret,
};

export const configKind: PayloadKind<Config> = {
  name: "config",
  title: "Config",
  inspected: "everything about configs",
  hasDrivers: false,
  columns: [],
  create: async (control, spec) => (await control.CreateConfig({ spec })).config?.id ?? "",
  list: async (control, filters) => (await control.ListConfigs({ filters })).configs ?? [],
  find: findConfig,
  remove: async (control, configId) => void (await control.RemoveConfig({ configId })),
  json: config.write,
  pretty: prettyConfig,
};
