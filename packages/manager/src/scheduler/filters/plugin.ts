import type { Mount, Node, PluginDescription, Task } from "@mswarm/wire";
import { nameOf, onNodes, type PlacementFilter } from "./filter.ts";

/** The node's engine has the volume, network and log drivers that the task needs. A node without engine passes. */
export const pluginFilter: PlacementFilter = {
  subject: "plugins",
  checkFor: (task) => {
    const needed = neededPlugins(task);
    return needed.length === 0 ? undefined : ({ node }) => missingPlugins(needed, node).length === 0;
  },
  explain: (nodes) => onNodes("missing plugin on", nodes),
  describe: (task, info) => {
    const missing = missingPlugins(neededPlugins(task), info.node)
      .map(({ type, name }) => `the ${type.toLowerCase()} driver ${name}`)
      .join(" and ");
    return { reason: `its engine lacks ${missing}`, remedy: `install ${missing} on ${nameOf(info)}` };
  },
};

type Plugin = Required<Pick<PluginDescription, "type" | "name">>;

function neededPlugins(task: Task): readonly Plugin[] {
  const volumes = (task.spec?.container?.mounts ?? []).map(volumeDriverOf);
  const networks = (task.networks ?? []).map(({ network }) => network?.driverState?.name ?? "");
  const log = logDriverOf(task);
  return [
    ...volumes.map((name) => ({ type: "Volume", name })),
    ...networks.map((name) => ({ type: "Network", name })),
    ...(log === undefined ? [] : [{ type: "Log", name: log }]),
  ].filter(({ name }) => name !== "");
}

function missingPlugins(needed: readonly Plugin[], { description }: Node): readonly Plugin[] {
  if (description?.engine === undefined) return [];
  const plugins = description.engine.plugins ?? [];
  // Engines that list no log drivers at all are older than that list.
  const listsLogDrivers = plugins.some((plugin) => plugin.type === "Log");
  return needed.filter(({ type, name }) => !hasPlugin(plugins, type, name) && (type !== "Log" || listsLogDrivers));
}

function volumeDriverOf(mount: Mount): string {
  const driver = mount.type === "VOLUME" ? (mount.volumeOptions?.driverConfig?.name ?? "") : "";
  return driver === "local" ? "" : driver;
}

function logDriverOf(task: Task): string | undefined {
  const name = task.spec?.logDriver?.name ?? "";
  return name === "" || name === "none" ? undefined : name;
}

const hasPlugin = (plugins: readonly PluginDescription[], type: string, name: string): boolean =>
  plugins.some((plugin) => plugin.type === type && (plugin.name === name || plugin.name === `${name}:latest`));
