// A service that is updated start-first wants no gap, so a drained node keeps its task until the task's successor runs.
// Ours: SwarmKit stops first whatever the order (docs/decisions/0010-drain-start-first.md).
import { after, type Duration, type Instant, minutes, timestampOf } from "@mswarm/runtime";
import type { Node, Service, Task } from "@mswarm/wire";
import { desiredOf, stateOf } from "../objects/task-state.ts";
import { isLost } from "./node-fitness.ts";

/** How long a drained node waits for successors, since its object changed last. */
const successorWait: Duration = minutes(1);

/**
 * Until when `task` may go on running on its drained node while its successor starts; undefined when it has to stop
 * now: the service is not start-first, the task does not serve anyway, the node is lost or not drained.
 */
export function mayServeUntil(task: Task, service: Service, node: Node | undefined, now: Instant): Instant | undefined {
  const isStartFirst = service.spec?.update?.order === "START_FIRST";
  const serves = stateOf(task) === "RUNNING" && desiredOf(task) === "RUNNING";
  if (!isStartFirst || !serves || node === undefined || isLost(node) || node.spec?.availability !== "DRAIN") {
    return undefined;
  }
  // A later change of the node, such as a new label, begins the wait again; nothing else would be remembered.
  const drainedAt = timestampOf(node.meta?.updatedAt);
  const until = drainedAt === undefined ? now : after(drainedAt, successorWait);
  return until > now ? until : undefined;
}
