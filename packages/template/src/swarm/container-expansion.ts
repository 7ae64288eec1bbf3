// Templates in a container's environment, mounts and hostname. Source: swarmkit template/expand.go, its sentences too.
import type { ContainerSpec, Mount } from "@mswarm/wire";
import { bytesOfText, textOfBytes } from "../text/bytes.ts";
import { quote } from "../text/quoting.ts";
import { Template } from "../text/template.ts";
import { TemplateError } from "../text/template-error.ts";
import type { GoStruct } from "../text/value.ts";
import { taskFunctions } from "./task-context.ts";

type Texts = Readonly<Record<string, string>>;

/** The container with its templates filled in. Errors: TemplateError. */
export function expandContainer<C extends ContainerSpec>(container: C, context: GoStruct): C {
  const expand = (text: string): string => expandText(text, context);
  const { env, mounts, hostname } = container;
  return {
    ...container,
    ...(env === undefined ? {} : { env: within("env failed", () => env.map((line) => expandEnv(line, expand))) }),
    ...(mounts === undefined
      ? {}
      : { mounts: within("mounts failed", () => mounts.map((mount) => expandMount(mount, expand))) }),
    ...(hostname === undefined ? {} : { hostname: within("hostname failed", () => expand(hostname)) }),
  };
}

function expandText(text: string, context: GoStruct): string {
  if (!text.includes("{{")) return text;
  const template = new Template(text, { name: "expansion", functions: taskFunctions, missingKey: "error" });
  return template.fill(context).toString("utf8");
}

/** A name alone is no template, and neither is the name before the value. */
function expandEnv(line: string, expand: (text: string) => string): string {
  const equals = line.indexOf("=");
  if (equals < 0) return line;
  return within(`env ${quoted(line)}`, () => line.slice(0, equals + 1) + expand(line.slice(equals + 1)));
}

function expandMount(mount: Mount, expand: (text: string) => string): Mount {
  const { source, target, volumeOptions } = mount;
  return {
    ...mount,
    ...(source === undefined ? {} : { source: within(`mount source ${quoted(source)}`, () => expand(source)) }),
    ...(target === undefined ? {} : { target: within(`mount target ${quoted(target)}`, () => expand(target)) }),
    ...(volumeOptions === undefined ? {} : { volumeOptions: expandVolumeOptions(volumeOptions, expand) }),
  };
}

function expandVolumeOptions(
  options: NonNullable<Mount["volumeOptions"]>,
  expand: (text: string) => string,
): NonNullable<Mount["volumeOptions"]> {
  const { labels, driverConfig } = options;
  const driverOptions = driverConfig?.options;
  return {
    ...options,
    ...(labels === undefined ? {} : { labels: within("volume labels", () => expandTexts(labels, expand)) }),
    ...(driverOptions === undefined
      ? {}
      : {
          driverConfig: {
            ...driverConfig,
            options: within("volume driver config", () => expandTexts(driverOptions, expand)),
          },
        }),
  };
}

const expandTexts = (texts: Texts, expand: (text: string) => string): Record<string, string> =>
  Object.fromEntries(
    Object.entries(texts).map(([key, text]) => [
      key,
      within(`map entry ${quoted(key)}=${quoted(text)}`, () => expand(text)),
    ]),
  );

const quoted = (text: string): string => textOfBytes(quote(bytesOfText(text)));

function within<R>(what: string, work: () => R): R {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    throw new TemplateError(bytesOfText(`expanding ${what}: ${error.message}`), { cause: error });
  }
}
