// What agents report about their tasks, on its way into the store.
import { isDeepStrictEqual } from "node:util";
import {
  type Clock,
  type Logger,
  messageOf,
  milliseconds,
  seconds,
  type TaskGroup,
  TokenBucket,
  wireTimestamp,
} from "@mswarm/runtime";
import { type Store, tasks, type WriteTransaction } from "@mswarm/store";
import { codecOf, type TaskState, type TaskStatus } from "@mswarm/wire";
import { compareTaskStates } from "../objects/task-state.ts";

/** How long reports are collected before they are written; SwarmKit takes 100 ms. */
const debounce = milliseconds(5);

// A report is replicated to every manager, so a node must not be able to make it large.
const textCharactersMax = 4_096;
const reportBytesMax = 65_536;

/** Bytes that one node's reports may add to the log: some thousand reports at once, and 512 KiB per second on the long run. */
const reportRate = { capacity: 4_194_304, interval: seconds(1 / 524_288) };
/** With each report the task's whole object is written; this is about its size. */
const taskBytes = 1_024;
/** How long reports beyond that wait before they are looked at again. */
const overdraftPause = seconds(1);

const statusCodec = codecOf<TaskStatus>("docker.swarmkit.v1.TaskStatus");

export interface StatusUpdatesParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  /** Written into `applied_by`. */
  readonly nodeId: string;
  /** Owner of the writes. */
  readonly work: TaskGroup;
}

interface Waiting {
  readonly nodeId: string;
  readonly status: TaskStatus;
  readonly bytes: number;
}

/**
 * Collects reports and writes them in batches. Holds one report per task, the furthest and newest, so its size is
 * bounded by the number of tasks; those of a node that reports too much wait, so that it cannot fill the log. A report
 * that is lost with the leadership is repeated by the agent, which reports all its tasks at the start of a session.
 */
export class StatusUpdates {
  readonly #parts: StatusUpdatesParts;
  readonly #waiting = new Map<string, Waiting>();
  readonly #budgets = new Map<string, TokenBucket>();
  #isBusy = false;
  #isPaused = false;

  constructor(parts: StatusUpdatesParts) {
    this.#parts = parts;
  }

  /**
   * Takes a report; the caller has checked that the task belongs to the node that reports. Long texts are cut.
   * Ignored are states that no agent reports, and reports beyond 64 KiB.
   */
  add({ taskId, nodeId }: { readonly taskId: string; readonly nodeId: string }, reported: TaskStatus): void {
    if (!isReportable(reported.state)) return;
    const status = shortened(reported);
    const bytes = statusCodec.encode(status).length;
    if (bytes > reportBytesMax) return;
    const earlier = this.#waiting.get(taskId)?.status;
    if (earlier !== undefined && isBefore(status, earlier)) return;
    this.#waiting.set(taskId, { nodeId, status, bytes: bytes + taskBytes });
    this.#begin();
  }

  /** The node is no longer one of the cluster. */
  forget(nodeId: string): void {
    this.#budgets.delete(nodeId);
  }

  #begin(): void {
    if (this.#isBusy) return;
    this.#isBusy = true;
    this.#parts.work.run("dispatcher: task status", (signal) => this.#flush(signal));
  }

  /** What is left belongs to nodes that reported too much; others need not wait for it. */
  #beginLater(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#parts.work.run("dispatcher: delayed task status", async (signal) => {
      await this.#parts.clock.sleep(overdraftPause, signal).catch(() => undefined);
      this.#isPaused = false;
      if (!signal.aborted) this.#begin();
    });
  }

  async #flush(signal: AbortSignal): Promise<void> {
    try {
      await this.#parts.clock.sleep(debounce, signal);
      // What arrives while a batch is being replicated makes the next one.
      for (let batch = this.#takeAffordable(); batch.length > 0 && !signal.aborted; batch = this.#takeAffordable()) {
        await this.#parts.store.batch(batch, (tx, [taskId, { status }]) => this.#apply(tx, taskId, status));
      }
    } catch (error) {
      if (!signal.aborted) {
        this.#parts.log.warn({ reason: messageOf(error) }, "task states reported by nodes could not be written");
      }
    } finally {
      this.#isBusy = false;
    }
    if (this.#waiting.size > 0) this.#beginLater();
  }

  /** The reports whose nodes have not reported too much; the others stay. */
  #takeAffordable(): [string, Waiting][] {
    const batch = [...this.#waiting].filter(([, { nodeId, bytes }]) => this.#budgetOf(nodeId).take(bytes));
    for (const [taskId] of batch) this.#waiting.delete(taskId);
    return batch;
  }

  #budgetOf(nodeId: string): TokenBucket {
    const known = this.#budgets.get(nodeId);
    if (known !== undefined) return known;
    const budget = new TokenBucket(this.#parts.clock, reportRate);
    this.#budgets.set(nodeId, budget);
    return budget;
  }

  #apply(tx: WriteTransaction, taskId: string, status: TaskStatus): void {
    const task = tx.get(tasks, taskId);
    if (task === undefined) return;
    const stored = task.status ?? {};
    if (isBefore(status, stored) || isSameReport(stored, status)) return;
    tx.update(tasks, {
      ...task,
      status: {
        ...status,
        appliedBy: this.#parts.nodeId,
        appliedAt: wireTimestamp(this.#parts.clock.now()),
      },
    });
  }
}

const isBefore = (a: TaskStatus, b: TaskStatus): boolean => compareTaskStates(a.state, b.state ?? "NEW") < 0;

/** States that an agent reports; REMOVE is a wish, ORPHANED a manager's verdict. */
const isReportable = (state: TaskState | undefined): boolean =>
  compareTaskStates(state, "ASSIGNED") >= 0 && compareTaskStates(state, "REJECTED") <= 0;

function shortened(status: TaskStatus): TaskStatus {
  return {
    ...status,
    ...(status.message === undefined ? {} : { message: status.message.slice(0, textCharactersMax) }),
    ...(status.err === undefined ? {} : { err: status.err.slice(0, textCharactersMax) }),
  };
}

/** Agents repeat the status of every task at each session start; what a manager added itself does not count. */
function isSameReport(stored: TaskStatus, reported: TaskStatus): boolean {
  const bare = (status: TaskStatus): object => {
    const { appliedBy: _by, appliedAt: _at, ...rest } = status;
    return rest;
  };
  return isDeepStrictEqual(bare(stored), bare(reported));
}
