// What has to be asked or read before a service spec can be built: references, networks, environment, credentials.
import { isSwarmError, notFound } from "@mswarm/runtime";
import type { CliContext, Control } from "../cli-context.ts";
import { type FileReference, parseFileReference } from "../flags/file-reference.ts";
import { parseEnvironmentFile, resolveVariable } from "../flags/key-values.ts";
import type { OptionValues } from "../flags/option-values.ts";
import { notAvailable } from "../local-failure.ts";
import type { ResolvedReference } from "../service-spec/container.ts";
import type { ServiceInputs } from "../service-spec/service.ts";
import { findNetwork } from "./lookup.ts";
import { registryAuthFor } from "./registry-auth.ts";

/** @param image  the image whose registry's credentials `--with-registry-auth` sends */
export async function serviceInputs(
  flags: OptionValues,
  image: string,
  parts: { readonly control: Control; readonly context: CliContext },
): Promise<ServiceInputs> {
  const { control, context } = parts;
  const registryAuth = flags.flag("withRegistryAuth") === true ? await registryAuthFor(image, context) : undefined;
  return {
    environment: await environmentOf(flags, context),
    secrets: await resolveSecrets(flags, control),
    configs: await resolveConfigs(flags, control),
    networks: await networkIds(flags.added("network"), control),
    removedNetworks: await networkIds(flags.removed("network"), control),
    ...(registryAuth === undefined ? {} : { registryAuth }),
  };
}

async function environmentOf(flags: OptionValues, context: CliContext): Promise<readonly string[]> {
  const { environment } = context;
  const fromFiles: string[] = [];
  for (const path of flags.list("envFile")) {
    fromFiles.push(...parseEnvironmentFile((await context.readFile(path)).toString("utf8"), environment));
  }
  return [...fromFiles, ...flags.parsedAdded("env", (entry) => resolveVariable(entry, environment))];
}

async function resolveSecrets(flags: OptionValues, control: Control): Promise<readonly ResolvedReference[]> {
  const wanted = flags.parsedAdded("secret", (text) => parseFileReference(text, "secret"));
  if (wanted.length === 0) return [];
  const { secrets = [] } = await control.ListSecrets({ filters: { names: wanted.map(({ source }) => source) } });
  return resolve("secret", wanted, secrets);
}

async function resolveConfigs(flags: OptionValues, control: Control): Promise<readonly ResolvedReference[]> {
  const wanted = flags.parsedAdded("config", (text) => parseFileReference(text, "config"));
  if (wanted.length === 0) return [];
  const { configs = [] } = await control.ListConfigs({ filters: { names: wanted.map(({ source }) => source) } });
  return resolve("config", wanted, configs);
}

function resolve(
  kind: string,
  wanted: readonly FileReference[],
  found: readonly { readonly id?: string; readonly spec?: { readonly annotations?: { readonly name?: string } } }[],
): readonly ResolvedReference[] {
  return wanted.map(({ source, file }) => {
    const object = found.find(({ spec }) => spec?.annotations?.name === source);
    if (object?.id === undefined) throw notFound(`${kind} not found: ${source}`);
    return { id: object.id, name: source, file };
  });
}

/** Only the predefined networks: what every node has by itself. */
async function networkIds(names: readonly string[], control: Control): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const name of names) {
    if (name.includes("="))
      throw notAvailable("options of a network attachment are not available yet; give the name only");
    try {
      const network = await findNetwork(control, name);
      const isPredefined = network.spec?.annotations?.labels?.["com.docker.swarm.predefined"] === "true";
      if (!isPredefined) throw notAvailable("overlay networks are not available yet; there are host and bridge");
      ids.push(network.id ?? "");
    } catch (error) {
      if (!isSwarmError(error, "NOT_FOUND")) throw error;
      throw notFound(`network ${name} not found; there are host and bridge, overlay networks are not available yet`);
    }
  }
  return ids;
}
