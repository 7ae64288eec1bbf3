import { noRaftId, type RaftId } from "../core/messages.ts";

/** Who leads, for the rest of the manager. */
export interface LeadershipState {
  /** This member leads and has applied its whole log (wire reference 5.9). */
  readonly isLeader: boolean;
  /** `noRaftId` while nobody is known to lead. */
  readonly leaderId: RaftId;
  readonly term: number;
}

export type LeadershipListener = (state: LeadershipState) => void;

/** The current state and those who want to know when it changes. */
export class LeadershipFeed {
  readonly #listeners = new Set<LeadershipListener>();
  #current: LeadershipState = { isLeader: false, leaderId: noRaftId, term: 0 };

  get current(): LeadershipState {
    return this.#current;
  }

  set(state: LeadershipState): void {
    const { isLeader, leaderId, term } = this.#current;
    if (isLeader === state.isLeader && leaderId === state.leaderId && term === state.term) return;
    this.#current = state;
    for (const listener of [...this.#listeners]) listener(state);
  }

  subscribe(listener: LeadershipListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
