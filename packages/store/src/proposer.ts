/** Gets entries replicated. Implemented over Raft by the manager, and at once by `@mswarm/store/testing`. */
export interface Proposer {
  /** The log index that the next proposed entry will get. */
  readonly nextIndex: number;
  /**
   * Proposes entries in order. One promise for each: resolved after that entry was given to `Store.applyEntry` here,
   * rejected with a SwarmError when leadership was lost or the entry was not taken.
   */
  propose(entries: readonly Buffer[]): readonly Promise<void>[];
}
