// Tells the manager how tasks fare: the newest status of each, in batches, again for all of them in every session.
import { isSwarmError, type Logger, Wakeup } from "@mswarm/runtime";
import type { TaskStatus, UpdateTaskStatusRequest } from "@mswarm/wire";
import { isRemoval } from "../session/removal.ts";

export type StatusUpdates = NonNullable<UpdateTaskStatusRequest["updates"]>;

// Far below the 4 MiB that a manager accepts, with long error texts.
const updatesPerCallMax = 500;

export class StatusReporter {
  readonly #nodeId: string;
  readonly #log: Logger;
  readonly #current = new Map<string, TaskStatus>();
  #unsent = new Set<string>();
  readonly #wakeup = new Wakeup();

  constructor(parts: { readonly nodeId: string; readonly log: Logger }) {
    this.#nodeId = parts.nodeId;
    this.#log = parts.log;
  }

  /** Never waits; an older status of the task that was not sent yet is dropped. */
  report(taskId: string, status: TaskStatus): void {
    this.#current.set(taskId, status);
    this.#unsent.add(taskId);
    this.#wakeup.notify();
  }

  /** The task is not assigned to this node any more. */
  forget(taskId: string): void {
    this.#current.delete(taskId);
    this.#unsent.delete(taskId);
  }

  /**
   * Reports through one session until it fails or the signal aborts; begins with the status of every task.
   * Rejects when the session is no longer good.
   */
  async run(send: (updates: StatusUpdates) => Promise<void>, signal: AbortSignal): Promise<never> {
    this.#unsent = new Set(this.#current.keys());
    for (;;) {
      if (this.#unsent.size === 0) await this.#wakeup.wait(signal);
      const batch = [...this.#unsent].slice(0, updatesPerCallMax);
      for (const taskId of batch) this.#unsent.delete(taskId);
      await this.#send(batch, send);
    }
  }

  async #send(taskIds: readonly string[], send: (updates: StatusUpdates) => Promise<void>): Promise<void> {
    const updates = taskIds.flatMap((taskId) => {
      const status = this.#current.get(taskId);
      return status === undefined ? [] : [{ taskId, status }];
    });
    if (updates.length === 0) return;
    try {
      await send(updates);
    } catch (error) {
      // The task is gone from the cluster: there is nobody left to tell.
      if (isSwarmError(error, "NOT_FOUND")) return;
      if (!isSwarmError(error, "PERMISSION_DENIED") || isRemoval(error, this.#nodeId)) throw error;
      // One task of another node spoils the whole call; the others must still get through.
      if (taskIds.length > 1) {
        for (const taskId of taskIds) await this.#send([taskId], send);
      } else {
        this.#log.warn({ taskId: taskIds[0], error: error.message }, "the manager refuses a task's status");
      }
    }
  }
}
