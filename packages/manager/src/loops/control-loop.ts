// The one piece of machinery behind the leader's loops: watch, collect what is dirty, plan, commit, look again later.
// A loop is level-triggered: it starts by looking at everything, and each plan is made from the present state.
import {
  type Clock,
  type Duration,
  type Instant,
  isSwarmError,
  type Logger,
  milliseconds,
  type Timer,
  Wakeup,
} from "@mswarm/runtime";
import type { Change, ReadTransaction, Store, StoredObject, Table } from "@mswarm/store";
import { applyChange, type ObjectChange, weightOf } from "./object-change.ts";

export interface LoopParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What a look at one key leads to. */
export interface Outcome {
  readonly changes: readonly ObjectChange[];
  /** Look at this key again then, even if nothing happens. */
  readonly lookAgainAt?: Instant | undefined;
  /** Other keys that have to be looked at. */
  readonly mark?: readonly string[];
  /** Called when the changes are committed (at once when there are none). */
  readonly committed?: () => void;
}

export const nothing: Outcome = { changes: [] };

export interface ControlLoop {
  /** For log lines, such as `orchestrator/replicated`. */
  readonly name: string;
  readonly tables: readonly Table<never>[] | readonly Table<StoredObject>[];
  /** Lets changes collect for an interval, or until so many keys wait, before they are looked at. Default: not at all. */
  readonly collects?: { readonly interval: Duration; readonly keysMax: number };
  /** Marks the keys that a change touches. Called for each change, so it must be cheap. */
  changed(change: Change, mark: (key: string) => void): void;
  /** Marks everything there is. */
  everything(tx: ReadTransaction, mark: (key: string) => void): void;
  /**
   * What should change so that `key` is as it should be. Reads only `tx` and changes nothing: it is asked once on what
   * is committed, and, if there is something to do, again inside the transaction that does it. When its changes are
   * too many for one transaction, the first ones are carried out and it is asked again.
   */
  plan(tx: ReadTransaction, key: string, now: Instant): Outcome;
}

/** Source: swarmkit manager/state/store/memory.go, MaxChangesPerTransaction and MaxTransactionBytes (three quarters). */
export const changesPerTransactionMax = 200;
const bytesPerTransactionMax = 1_179_648;

/** Keys looked at in one turn of the event loop, so that heartbeats and Raft get their share at the start of a leader. */
const keysPerTurnMax = 1_000;

/** Runs until `signal` aborts, then resolves. Rejects when a transaction fails, which ends the leadership. */
export async function runControlLoop(loop: ControlLoop, parts: LoopParts, signal: AbortSignal): Promise<void> {
  const dirty = new DirtyKeys(parts.clock);
  const mark = (key: string): void => dirty.mark(key);
  const unwatch = parts.store.watch(
    (changes) => {
      for (const change of changes) loop.changed(change, mark);
    },
    loop.tables as readonly Table<StoredObject>[],
  );
  try {
    parts.store.view((tx) => loop.everything(tx, mark));
    for (;;) {
      await dirty.wait(signal);
      if (loop.collects !== undefined) await dirty.collect(loop.collects, signal);
      const keys = dirty.take(keysPerTurnMax);
      const due = parts.store.view((tx) =>
        keys.filter((key) => !settle(loop.plan(tx, key, parts.clock.now()), key, dirty)),
      );
      await commit(loop, due, dirty, parts);
      if (dirty.size > keysPerTurnMax) await parts.clock.sleep(milliseconds(0), signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    unwatch();
    dirty.close();
  }
}

/** True when the outcome asks for no change; what else it asks for is then done. */
function settle(outcome: Outcome, key: string, dirty: DirtyKeys): boolean {
  if (outcome.changes.length > 0) return false;
  outcome.committed?.();
  dirty.follow(key, outcome);
  return true;
}

async function commit(loop: ControlLoop, due: readonly string[], dirty: DirtyKeys, parts: LoopParts): Promise<void> {
  for (let left = due; left.length > 0; ) {
    const keys = left;
    try {
      const result = await parts.store.update((tx) => {
        const done: { key: string; outcome: Outcome }[] = [];
        let changes = 0;
        let bytes = 0;
        for (const [position, key] of keys.entries()) {
          const outcome = loop.plan(tx, key, parts.clock.now());
          for (const change of outcome.changes) {
            if (changes >= changesPerTransactionMax || bytes >= bytesPerTransactionMax) {
              return { done, left: keys.slice(position), changes };
            }
            applyChange(tx, change);
            changes += 1;
            bytes += weightOf(change);
          }
          done.push({ key, outcome });
        }
        return { done, left: [], changes };
      });
      for (const { key, outcome } of result.done) {
        outcome.committed?.();
        dirty.follow(key, outcome);
      }
      left = result.left;
    } catch (error) {
      if (!isSwarmError(error, "UNKNOWN")) throw error;
      // Another writer was faster, or one object does not fit: everything is looked at again, a little later.
      parts.log.warn({ err: error, loop: loop.name }, "a transaction was refused and will be planned again");
      for (const key of keys) dirty.lookAgain(key, milliseconds(100));
      return;
    }
  }
}

/** The keys to look at, now or at a later time. */
class DirtyKeys {
  readonly #clock: Clock;
  readonly #now = new Set<string>();
  readonly #later = new Map<string, Timer>();
  readonly #wakeup = new Wakeup();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#now.size;
  }

  mark(key: string): void {
    this.#now.add(key);
    this.#wakeup.notify();
  }

  follow(key: string, outcome: Outcome): void {
    for (const other of outcome.mark ?? []) this.mark(other);
    if (outcome.lookAgainAt !== undefined) this.lookAgain(key, milliseconds(outcome.lookAgainAt - this.#clock.now()));
  }

  lookAgain(key: string, delay: Duration): void {
    this.#later.get(key)?.cancel();
    const timer = this.#clock.timer(delay, () => {
      this.#later.delete(key);
      this.mark(key);
    });
    this.#later.set(key, timer);
  }

  async wait(signal: AbortSignal): Promise<void> {
    if (this.#now.size === 0) await this.#wakeup.wait(signal);
    signal.throwIfAborted();
  }

  async collect({ interval, keysMax }: NonNullable<ControlLoop["collects"]>, signal: AbortSignal): Promise<void> {
    let isOver = false;
    const timer = this.#clock.timer(interval, () => {
      isOver = true;
      this.#wakeup.notify();
    });
    try {
      while (!isOver && this.#now.size < keysMax) await this.#wakeup.wait(signal);
    } finally {
      timer.cancel();
    }
  }

  /** At most `max` keys, oldest mark first; a timer of a taken key is not needed any more. */
  take(max: number): readonly string[] {
    const keys: string[] = [];
    for (const key of this.#now) {
      if (keys.length >= max) break;
      keys.push(key);
    }
    for (const key of keys) {
      this.#now.delete(key);
      this.#later.get(key)?.cancel();
      this.#later.delete(key);
    }
    return keys;
  }

  close(): void {
    for (const timer of this.#later.values()) timer.cancel();
    this.#later.clear();
  }
}
