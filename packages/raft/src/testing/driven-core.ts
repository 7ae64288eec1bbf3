// One core with the simplest driver there is: for tests of single rules.
import { SeededRandom } from "@mswarm/runtime/simulated";
import { type RaftConfig, raftDefaults } from "../core/config.ts";
import type { Entry, HardState, RaftId, RaftMessage, Snapshot } from "../core/messages.ts";
import { RaftCore } from "../core/raft-core.ts";
import type { Ready } from "../core/ready.ts";
import { decodeConfChange, encodeConfChange } from "./conf-change-text.ts";

export interface DrivenCoreOptions extends Partial<RaftConfig> {
  readonly voters?: readonly RaftId[];
  /** Terms of the entries from index 1 on. */
  readonly log?: readonly number[];
  readonly hardState?: HardState;
  readonly snapshot?: Snapshot;
  readonly seed?: number;
}

/** An entry as tests make them: its data tells its place. */
export const entryOf = (index: number, term: number): Entry => ({
  term,
  index,
  type: "normal",
  data: Buffer.from(`${index}/${term}`),
});

/** A message to member 1 from member 2, unless told otherwise. */
export function messageOf(fields: Pick<RaftMessage, "type" | "term"> & Partial<RaftMessage>): RaftMessage {
  return { to: "1", from: "2", logTerm: 0, index: 0, entries: [], commit: 0, reject: false, rejectHint: 0, ...fields };
}

/** Member 1 of three, by default; all that its driver does succeeds at once, when told to. */
export class DrivenCore {
  readonly core: RaftCore;
  readonly applied: Entry[] = [];

  constructor(options: DrivenCoreOptions = {}) {
    const { voters = ["1", "2", "3"], log = [], hardState, seed = 1, snapshot, ...config } = options;
    const entries = log.map((term, position) => entryOf(position + 1, term));
    const recovered = {
      hardState: hardState ?? { term: log.at(-1) ?? 0, vote: "0", commit: 0 },
      // A snapshot of nothing at all: the shortest way to say who votes.
      snapshot: snapshot ?? { meta: { index: 0, term: 0, voters }, data: Buffer.alloc(0) },
      entries: entries.filter(({ index }) => index > (snapshot?.meta.index ?? 0)),
    };
    this.core = new RaftCore(
      { ...raftDefaults, id: "1", encodeConfChange, ...config },
      recovered,
      new SeededRandom(seed),
    );
  }

  /** Does everything that is due, in order; what was sent. */
  settle(): RaftMessage[] {
    const sent: RaftMessage[] = [];
    while (this.core.hasReady()) {
      const ready = this.core.takeReady();
      sent.push(...ready.sendAtOnce, ...ready.sendAfterPersist);
      this.finish(ready);
    }
    return sent;
  }

  /** The rest of a ready, once its messages are dealt with. */
  finish(ready: Ready): void {
    for (const entry of ready.apply) {
      this.applied.push(entry);
      if (entry.type === "conf-change") this.core.applyConfChange(decodeConfChange(entry.data));
    }
    this.core.advance(ready);
  }

  /** Steps one message and settles. */
  receive(fields: Pick<RaftMessage, "type" | "term"> & Partial<RaftMessage>): RaftMessage[] {
    this.core.step(messageOf(fields));
    return this.settle();
  }

  tick(count = 1): RaftMessage[] {
    const sent: RaftMessage[] = [];
    for (let done = 0; done < count; done += 1) {
      this.core.tick();
      sent.push(...this.settle());
    }
    return sent;
  }

  /** Wins an election with the vote of member 2; what was sent on winning. */
  lead(): RaftMessage[] {
    this.core.campaign();
    this.settle();
    if (this.core.status().role === "pre-candidate") this.receive({ type: "pre-vote-resp", term: this.core.term + 1 });
    return this.receive({ type: "vote-resp", term: this.core.term });
  }
}
