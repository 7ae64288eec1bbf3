// `secret inspect --pretty` and `config inspect --pretty`, in docker's layout.
import type { Config, Secret } from "@mswarm/wire";
import { prettyTime } from "./pretty-time.ts";

/** Never with the data. */
export function prettySecret(secret: Secret): string {
  const { annotations, driver } = secret.spec ?? {};
  return [
    `ID:              ${secret.id ?? ""}`,
    `Name:              ${annotations?.name ?? ""}`,
    ...labelLines(annotations?.labels),
    `Driver:            ${driver?.name ?? ""}`,
    `Created at:        ${prettyTime(secret.meta?.createdAt)}`,
    `Updated at:        ${prettyTime(secret.meta?.updatedAt)}`,
    "",
  ].join("\n");
}

export function prettyConfig(config: Config): string {
  const { annotations, data } = config.spec ?? {};
  return [
    `ID:\t\t\t${config.id ?? ""}`,
    `Name:\t\t\t${annotations?.name ?? ""}`,
    ...labelLines(annotations?.labels),
    `Created at:            \t${prettyTime(config.meta?.createdAt)}`,
    `Updated at:            \t${prettyTime(config.meta?.updatedAt)}`,
    "Data:",
    data?.toString("utf8") ?? "",
    "",
  ].join("\n");
}

function labelLines(labels: Readonly<Record<string, string>> | undefined): string[] {
  const entries = Object.entries(labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.length === 0
    ? []
    : ["Labels:", ...entries.map(([key, value]) => ` - ${key}${value === "" ? "" : `=${value}`}`)];
}
