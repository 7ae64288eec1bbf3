// Somebody wants to see logs: which nodes have to send them, and which have.
import { type SwarmError, unknownError } from "@mswarm/runtime";
import { type ReadTransaction, tasks } from "@mswarm/store";
import type { LogMessage, LogSelector, LogSubscriptionOptions, SubscriptionMessage, Task } from "@mswarm/wire";
import { compareTaskStates } from "../objects/task-state.ts";
import { BoundedChannel } from "./bounded-channel.ts";

/** Batches of messages held for a subscriber that reads slowly, before the nodes have to wait. */
const batchesMax = 64;

export class Subscription {
  readonly id: string;
  readonly isFollowing: boolean;
  readonly #selector: LogSelector;
  readonly #options: LogSubscriptionOptions | undefined;
  readonly #messages = new BoundedChannel<readonly LogMessage[]>(batchesMax);
  /** Nodes that have been asked and have not finished. */
  readonly #open = new Set<string>();
  readonly #nodes = new Set<string>();
  readonly #unscheduled = new Set<string>();
  readonly #failures: string[] = [];

  constructor(id: string, selector: LogSelector, options: LogSubscriptionOptions | undefined) {
    this.id = id;
    this.isFollowing = options?.follow === true;
    this.#selector = selector;
    this.#options = options;
  }

  /** What the nodes are told. */
  message(isClosed = false): SubscriptionMessage {
    return {
      id: this.id,
      selector: this.#selector,
      // Always there: dockerd 20.10 dereferences it and dies of a missing one.
      options: this.#options ?? {},
      ...(isClosed ? { close: true } : {}),
    };
  }

  nodes(): Iterable<string> {
    return this.#nodes;
  }

  /** True when the node has been asked and has not finished. */
  expects(nodeId: string): boolean {
    return this.#open.has(nodeId);
  }

  /** Finds the nodes with matching tasks; returns those that are new. */
  match(tx: ReadTransaction): string[] {
    const found = [...(this.#selector.nodeIds ?? [])].filter((nodeId) => this.#add(nodeId));
    const chosen: Task[] = (this.#selector.taskIds ?? []).flatMap((id) => tx.get(tasks, id) ?? []);
    for (const serviceId of this.#selector.serviceIds ?? []) {
      // Without follow, a task that has not started has nothing to show.
      const ofService = tx.by(tasks, "service", serviceId);
      chosen.push(
        ...ofService.filter((task) => this.isFollowing || compareTaskStates(task.status?.state, "RUNNING") >= 0),
      );
    }
    return [...found, ...chosen.flatMap((task) => this.see(task) ?? [])];
  }

  /** A task that is selected: its node, when that has not been asked before. */
  see(task: Task): string | undefined {
    const { id = "", nodeId = "" } = task;
    if (nodeId === "") {
      this.#unscheduled.add(id);
      return undefined;
    }
    this.#unscheduled.delete(id);
    return this.#add(nodeId) ? nodeId : undefined;
  }

  /** Whether the logs of a task belong here. */
  selects({ id = "", serviceId = "", nodeId = "" }: Task): boolean {
    const { taskIds = [], serviceIds = [], nodeIds = [] } = this.#selector;
    return taskIds.includes(id) || serviceIds.includes(serviceId) || nodeIds.includes(nodeId);
  }

  /** Waits for room; false when nobody listens any more. */
  deliver(messages: readonly LogMessage[]): Promise<boolean> {
    return this.#messages.push(messages);
  }

  next(signal: AbortSignal): Promise<readonly LogMessage[] | undefined> {
    return this.#messages.next(signal);
  }

  /**
   * The node has sent everything, or cannot. The last one ends the subscription. One that follows goes on: the node is
   * asked again when it comes back.
   */
  finish(nodeId: string, failure?: string): void {
    if (this.isFollowing || !this.#open.delete(nodeId)) return;
    if (failure !== undefined) this.#failures.push(failure);
    this.endIfComplete();
  }

  endIfComplete(): void {
    if (!this.isFollowing && this.#open.size === 0) this.end();
  }

  end(): void {
    this.#messages.end();
  }

  /** What is missing from the logs that were delivered. */
  incompleteness(): SwarmError | undefined {
    const reasons = [...this.#failures, ...[...this.#unscheduled].map((id) => `task ${id} has not been scheduled`)];
    if (reasons.length === 0) return undefined;
    return unknownError(
      `warning: incomplete log stream. some logs could not be retrieved for the following reasons: ${reasons.join(", ")}`,
    );
  }

  #add(nodeId: string): boolean {
    if (this.#nodes.has(nodeId)) return false;
    this.#nodes.add(nodeId);
    this.#open.add(nodeId);
    return true;
  }
}
