// The writing side of the store during one leadership: updates wait, are grouped, proposed, and settled.
import {
  failedPrecondition,
  type Instant,
  invariant,
  type SwarmError,
  unavailable,
  unknownError,
} from "@mswarm/runtime";
import type { Change } from "./changes.ts";
import { Database } from "./database.ts";
import { encodeRequest, entryBytesMax } from "./entry.ts";
import type { Proposer } from "./proposer.ts";
import { Transaction } from "./transaction.ts";

// One group is worked off in one turn of the event loop: enough to be written to disk in one go, few enough that other
// work is not held up for more than some milliseconds.
const groupEntriesMax = 512;
const groupBytesMax = 4 * entryBytesMax;

/** What a leadership needs of the store it writes for. */
export interface LeadershipParts {
  readonly proposer: Proposer;
  readonly committed: () => Database;
  readonly now: () => Instant;
  readonly nextRequestId: () => number;
  readonly lastVersion: () => number;
  readonly seal: <T>(object: T) => T;
}

interface Waiting {
  readonly change: (tx: Transaction) => unknown;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface InFlight {
  readonly data: Buffer;
  readonly changes: readonly Change[];
  /** What its callback returned, and those of later callbacks that only looked at its writes. */
  readonly settle: { resolve: () => void; reject: (error: unknown) => void }[];
  outcome: "proposed" | "applied" | SwarmError;
}

export const lostLeadership = (): SwarmError =>
  failedPrecondition("raft: failed to process the request: node lost leader status");

/** For an update whose callback has not run: whoever asked for it may ask the next leader. The text is known to `rpc`. */
const notBegun = (): SwarmError => unavailable("raft: the change was not begun: this manager does not lead any more");

/**
 * Groups updates: while one group of entries is in flight the next one collects. A group's callbacks run one after
 * another when it is proposed; each sees the writes of those before it.
 */
export class Leadership {
  readonly #parts: LeadershipParts;
  readonly #waiting: Waiting[] = [];
  readonly #inFlight = new Map<number, InFlight>();
  #givenVersion = 0;
  #scheduled = false;
  #ended = false;

  constructor(parts: LeadershipParts) {
    this.#parts = parts;
  }

  update<R>(change: (tx: Transaction) => R): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      // The callback's result comes back as what it was; it only passes through a list of mixed callbacks.
      this.#waiting.push({ change, resolve: (result) => resolve(result as R), reject });
      this.#schedule();
    });
  }

  /** The changes of an entry that this leadership proposed; undefined for the entries of others. */
  changesOf(requestId: number | undefined, data: Buffer): readonly Change[] | undefined {
    const own = requestId === undefined ? undefined : this.#inFlight.get(requestId);
    // Another manager can have made the same id in the same millisecond: only equal bytes are our own.
    return own?.data.equals(data) ? own.changes : undefined;
  }

  /** An own entry was applied, or failed to apply. */
  applied(requestId: number | undefined, failure: SwarmError | undefined): void {
    const own = requestId === undefined ? undefined : this.#inFlight.get(requestId);
    if (own !== undefined) own.outcome = failure ?? "applied";
  }

  /** Rejects everything that waits (UNAVAILABLE) or is in flight; what is in flight may still commit. */
  end(): void {
    this.#ended = true;
    for (const { reject } of this.#waiting.splice(0)) reject(notBegun());
    for (const { settle } of this.#inFlight.values()) for (const { reject } of settle) reject(lostLeadership());
    this.#inFlight.clear();
  }

  // Updates that are asked for in the same turn go into the same group.
  #schedule(): void {
    if (this.#scheduled || this.#ended || this.#inFlight.size > 0 || this.#waiting.length === 0) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      if (!this.#ended) this.#proposeGroup();
    });
  }

  #proposeGroup(): void {
    const state = Database.over(this.#parts.committed());
    const now = this.#parts.now();
    const group: [number, InFlight][] = [];
    const { nextIndex } = this.#parts.proposer;
    let taken = 0;
    let bytes = 0;
    for (const waiting of this.#waiting) {
      if (group.length >= groupEntriesMax || bytes >= groupBytesMax) break;
      taken += 1;
      // Above everything given before, and at least the index that the entry will have.
      const unused = Math.max(this.#parts.lastVersion(), this.#givenVersion) + 1;
      const version = Math.max(unused, nextIndex + group.length);
      const entry = this.#run(waiting, new Transaction(state, { version, now }, this.#parts.seal), group.at(-1)?.[1]);
      if (entry === undefined) continue;
      this.#givenVersion = version;
      group.push(entry);
      bytes += entry[1].data.length;
    }
    this.#waiting.splice(0, taken);
    if (group.length === 0) this.#schedule();
    else this.#propose(group);
  }

  /** Runs one callback; its entry, or undefined when it threw or changed nothing. */
  #run(waiting: Waiting, tx: Transaction, before: InFlight | undefined): [number, InFlight] | undefined {
    const { resolve, reject } = waiting;
    try {
      const result = waiting.change(tx);
      invariant(!(result instanceof Promise), "store: the callback of an update must be synchronous");
      if (tx.changes.length === 0) {
        // What it saw includes uncommitted writes of this group: its answer is good only if they are.
        if (before === undefined) resolve(result);
        else before.settle.push({ resolve: () => resolve(result), reject });
        return undefined;
      }
      const id = this.#parts.nextRequestId();
      const data = encodeRequest(id, tx.actions);
      if (data.length > entryBytesMax) throw unknownError("raft: raft message is too large and can't be sent");
      return [
        id,
        { data, changes: tx.changes, settle: [{ resolve: () => resolve(result), reject }], outcome: "proposed" },
      ];
    } catch (error) {
      tx.rollback();
      reject(error);
      return undefined;
    }
  }

  #propose(group: readonly [number, InFlight][]): void {
    for (const [id, entry] of group) this.#inFlight.set(id, entry);
    let answers: readonly Promise<void>[];
    try {
      answers = this.#parts.proposer.propose(group.map(([, entry]) => entry.data));
    } catch (error) {
      answers = group.map(() => Promise.reject(error));
    }
    group.forEach(([id, entry], position) => {
      const answer = answers[position] ?? Promise.reject(lostLeadership());
      answer.then(
        () => this.#settle(id, entry),
        (error: unknown) => this.#settle(id, entry, error),
      );
    });
  }

  #settle(id: number, { settle, outcome }: InFlight, refused?: unknown): void {
    // After `end` all of them have been rejected already, and an id may be another's by now.
    if (this.#ended) return;
    this.#inFlight.delete(id);
    if (refused === undefined) {
      invariant(outcome !== "proposed", "store: the proposer answered before it applied the entry", { id });
    }
    const failure = refused ?? (outcome === "applied" ? undefined : outcome);
    for (const { resolve, reject } of settle) {
      if (failure === undefined) resolve();
      else reject(failure);
    }
    this.#schedule();
  }
}
