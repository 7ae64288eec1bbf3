import type { Mount, PluginDescription, Task } from "@mswarm/wire";
import { onNodes, type PlacementFilter } from "./filter.ts";

/** The node's engine has the volume, network and log drivers that the task needs. A node without engine passes. */
export const pluginFilter: PlacementFilter = {
  checkFor: (task) => {
    const volumes = (task.spec?.container?.mounts ?? []).map(volumeDriverOf).filter((name) => name !== "");
    const networks = (task.networks ?? []).map(({ network }) => network?.driverState?.name ?? "").filter(Boolean);
    const log = logDriverOf(task);
    if (volumes.length === 0 && networks.length === 0 && log === undefined) return undefined;
    return ({ node }) => {
      const engine = node.description?.engine;
      if (engine === undefined) return true;
      const has = (type: string, name: string): boolean => hasPlugin(engine.plugins ?? [], type, name);
      // Engines that list no log drivers at all are older than that list.
      const listsLogDrivers = (engine.plugins ?? []).some((plugin) => plugin.type === "Log");
      return (
        volumes.every((name) => has("Volume", name)) &&
        networks.every((name) => has("Network", name)) &&
        (log === undefined || !listsLogDrivers || has("Log", log))
      );
    };
  },
  explain: (nodes) => onNodes("missing plugin on", nodes),
};

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
