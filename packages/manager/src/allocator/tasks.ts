import { type Instant, wireTimestamp } from "@mswarm/runtime";
import type { Endpoint, NetworkAttachment, Task } from "@mswarm/wire";
import type { ObjectChange } from "../loops/object-change.ts";

/** The task with everything it needs, ready for the scheduler. */
export function pendingTask(
  task: Task,
  endpoint: Endpoint,
  attachments: readonly NetworkAttachment[],
  now: Instant,
): ObjectChange {
  const { err: _solved, ...status } = task.status ?? {};
  return {
    kind: "update-task",
    task: {
      ...task,
      endpoint,
      ...(attachments.length === 0 ? {} : { networks: [...attachments] }),
      status: { ...status, state: "PENDING", timestamp: wireTimestamp(now), message: "pending task scheduling" },
    },
  };
}

/** The task stays NEW and says why; no change when it says so already. */
export function refusedTask(task: Task, refusal: string, now: Instant): readonly ObjectChange[] {
  if (task.status?.err === refusal) return [];
  return [
    {
      kind: "update-task",
      task: { ...task, status: { ...task.status, state: "NEW", timestamp: wireTimestamp(now), err: refusal } },
    },
  ];
}
