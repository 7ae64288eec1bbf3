import { hostPortsOf } from "../node-info.ts";
import { onNodes, type PlacementFilter } from "./filter.ts";

/** No other task on the node publishes the same port in host mode. */
export const hostPortFilter: PlacementFilter = {
  checkFor: (task) => {
    const ports = hostPortsOf(task);
    return ports.length === 0 ? undefined : (node) => !ports.some((port) => node.usesPort(port));
  },
  explain: (nodes) => onNodes("host-mode port already in use on", nodes),
};
