import type { Task } from "@mswarm/wire";

/** How many characters of an id a table shows. */
export const shortId = (id: string | undefined): string => (id ?? "").slice(0, 12);

/** `RUNNING` as `Running`, as tables show states. */
export const titleCase = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase();

/** The service's name (its id where that is unknown) with the slot, or for a global service the node. */
export function taskName(task: Task, serviceName: string | undefined): string {
  const service = serviceName ?? task.serviceId ?? "";
  const slot = task.slot ?? "0";
  return slot === "0" ? `${service}.${task.nodeId ?? ""}` : `${service}.${slot}`;
}
