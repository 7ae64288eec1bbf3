import { invalidArgument, unimplemented } from "@mswarm/runtime";
import type { Task } from "@mswarm/wire";

const predefined: ReadonlySet<string> = new Set(["bridge", "host", "none"]);

/**
 * The engine's network that a task's container joins; undefined: the engine's default.
 * UNIMPLEMENTED: any network but the engine's predefined ones. The node does not offer the plugins of others, so that
 * no manager should send such a task.
 */
export function containerNetwork(task: Task): string | undefined {
  const names = (task.networks ?? []).map(({ network }) => network?.spec?.annotations?.name ?? "");
  const other = names.find((name) => !predefined.has(name));
  if (other !== undefined) {
    throw unimplemented(`network "${other}": this worker runs tasks on the networks bridge, host and none only`);
  }
  if (names.length > 1) throw invalidArgument("a task on a predefined network can have no other network");
  return names[0];
}
