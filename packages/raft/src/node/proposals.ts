import { type Deferred, deferred, failedPrecondition, type SwarmError } from "@mswarm/runtime";
import type { Entry } from "../core/messages.ts";

/** SwarmKit's text (raft.ErrLostLeadership); clients look for it. */
export function lostLeadership(): SwarmError {
  return failedPrecondition("raft: failed to process the request: node lost leader status");
}

interface Pending {
  readonly term: number;
  readonly done: Deferred<void>;
}

/** Proposals that wait for their entries to be applied, by index. */
export class Proposals {
  readonly #pending = new Map<number, Pending>();

  /** Resolved when the entry at `index` is applied and is of `term`; rejected when another one took its place. */
  add(index: number, term: number): Promise<void> {
    // An index is proposed again only after the leadership under which it was proposed before has ended.
    this.#pending.get(index)?.done.reject(lostLeadership());
    const done = deferred();
    this.#pending.set(index, { term, done });
    return done.promise;
  }

  applied(entries: readonly Entry[]): void {
    if (this.#pending.size === 0) return;
    for (const { index, term } of entries) {
      const pending = this.#pending.get(index);
      if (pending === undefined) continue;
      this.#pending.delete(index);
      if (pending.term === term) pending.done.resolve();
      else pending.done.reject(lostLeadership());
    }
  }

  rejectAll(error: SwarmError): void {
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { done } of pending) done.reject(error);
  }
}
