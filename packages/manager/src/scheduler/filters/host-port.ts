import { hostPortsOf } from "../node-info.ts";
import { nameOf, onNodes, type PlacementFilter } from "./filter.ts";

/** No other task on the node publishes the same port in host mode. */
export const hostPortFilter: PlacementFilter = {
  subject: "ports",
  checkFor: (task) => {
    const ports = hostPortsOf(task);
    return ports.length === 0 ? undefined : (node) => !ports.some((port) => node.usesPort(port));
  },
  explain: (nodes) => onNodes("host-mode port already in use on", nodes),
  describe: (task, node) => {
    const taken = hostPortsOf(task).filter((port) => node.usesPort(port));
    const ports = taken.map((port) => port.toLowerCase().split("/").reverse().join("/")).join(", ");
    return {
      reason: `another task publishes ${ports} there`,
      remedy: `stop what publishes ${ports} on ${nameOf(node)}, publish another port, or add a node`,
    };
  },
};
