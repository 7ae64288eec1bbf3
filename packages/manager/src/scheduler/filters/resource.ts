import { onNodes, type PlacementFilter } from "./filter.ts";

/** What the task reserves is free. Limits never count. */
export const resourceFilter: PlacementFilter = {
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
};
