// Containers of tasks that nobody knows any more: left by a crash between two steps, or by a lost journal.
import type { Engine } from "@mswarm/engine";
import { type Clock, type Logger, messageOf, seconds, throwIfAborted } from "@mswarm/runtime";
import { nodeIdLabel, taskIdLabel } from "../container/task-names.ts";

export interface OrphanParts {
  readonly engine: Pick<Engine, "listContainers" | "stopContainer" | "removeContainer">;
  /** Only containers that carry this node's id are looked at: an engine may be shared by nodes. */
  readonly nodeId: string;
  readonly clock: Clock;
  readonly log: Logger;
}

const retryDelay = seconds(1);
// Stopping takes a container's whole grace; this many wait for theirs at the same time.
const parallelMax = 8;

/**
 * Stops and removes this node's task containers whose task `isOrphan`; tries again until all are gone.
 * Containers without a task label are not ours, whatever else they carry.
 */
export async function removeOrphans(
  parts: OrphanParts,
  isOrphan: (taskId: string) => boolean,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    try {
      return await removeOnce(parts, isOrphan, signal);
    } catch (error) {
      throwIfAborted(signal);
      parts.log.warn({ error: messageOf(error) }, "containers of forgotten tasks could not be removed yet");
      await parts.clock.sleep(retryDelay, signal);
    }
  }
}

async function removeOnce(
  { engine, nodeId, log }: OrphanParts,
  isOrphan: (taskId: string) => boolean,
  signal: AbortSignal,
): Promise<void> {
  const queue = [...(await engine.listContainers({ [nodeIdLabel]: nodeId }, signal))];
  const removeNext = async (): Promise<void> => {
    for (let container = queue.pop(); container !== undefined; container = queue.pop()) {
      const taskId = container.labels[taskIdLabel];
      // Asked again just before: a task may have been assigned meanwhile.
      if (taskId === undefined || !isOrphan(taskId)) continue;
      log.info({ container: container.name, taskId }, "removing the container of a task that is not assigned");
      await engine.stopContainer(container.id, undefined, signal);
      await engine.removeContainer(container.id, { force: true }, signal);
    }
  };
  await Promise.all(Array.from({ length: parallelMax }, removeNext));
}
