import type { GenericResource } from "@mswarm/wire";
import { nameOf, onNodes, type PlacementFilter, serviceNameOf } from "./filter.ts";

/** What the task reserves is free. Limits never count. */
export const resourceFilter: PlacementFilter = {
  subject: "resources",
  checkFor: (task) => {
    const reserved = task.spec?.resources?.reservations;
    const nanoCpus = Number(reserved?.nanoCpus ?? 0);
    const memoryBytes = Number(reserved?.memoryBytes ?? 0);
    const generic = reserved?.generic ?? [];
    if (nanoCpus === 0 && memoryBytes === 0 && generic.length === 0) return undefined;
    return (node) =>
      nanoCpus <= node.freeNanoCpus &&
      memoryBytes <= node.freeMemoryBytes &&
      (generic.length === 0 || node.claimGeneric(generic) !== undefined);
  },
  explain: (nodes) => onNodes("insufficient resources on", nodes),
  describe: (task, node) => {
    const reserved = task.spec?.resources?.reservations;
    const total = node.node.description?.resources;
    const [nanoCpus, memoryBytes] = [Number(reserved?.nanoCpus ?? 0), Number(reserved?.memoryBytes ?? 0)];
    const lacks: { text: string; flag: string }[] = [];
    const fitsEmpty = nanoCpus <= Number(total?.nanoCpus ?? 0) && memoryBytes <= Number(total?.memoryBytes ?? 0);
    const first = fitsEmpty ? `free that much on ${nameOf(node)}` : "add a node that has that much";
    if (nanoCpus > node.freeNanoCpus) {
      const [wanted, free, all] = [nanoCpus, node.freeNanoCpus, Number(total?.nanoCpus ?? 0)].map(cpus);
      lacks.push({ text: `${wanted} CPUs wanted, ${free} of ${all} free`, flag: `--reserve-cpu ${free}` });
    }
    if (memoryBytes > node.freeMemoryBytes) {
      const [wanted, free, all] = [memoryBytes, node.freeMemoryBytes, Number(total?.memoryBytes ?? 0)].map(mebibytes);
      lacks.push({
        text: `${wanted}MiB of memory wanted, ${free}MiB of ${all}MiB free`,
        flag: `--reserve-memory ${free}m`,
      });
    }
    for (const resource of reserved?.generic ?? []) {
      if (node.claimGeneric([resource]) !== undefined) continue;
      const kind = kindOf(resource);
      lacks.push({ text: `not enough of ${kind} free`, flag: `--generic-resource-rm ${kind}` });
    }
    return {
      reason: lacks.map(({ text }) => text).join(", "),
      remedy: `${first}, or mswarm service update ${lacks.map(({ flag }) => flag).join(" ")} ${serviceNameOf(task)}`,
    };
  },
};

const cpus = (nanoCpus: number): number => Math.max(0, Math.floor(nanoCpus / 1e7) / 100);
const mebibytes = (bytes: number): number => Math.max(0, Math.floor(bytes / 2 ** 20));
const kindOf = ({ discreteResourceSpec: discrete, namedResourceSpec: named }: GenericResource): string =>
  discrete?.kind ?? named?.kind ?? "";
