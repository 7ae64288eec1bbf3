// The promises of Raft (thesis, figure 3.2), checked against all that the members of a simulated cluster do.

import type { Entry, RaftId, RaftMessage } from "../core/messages.ts";
import type { RaftCore } from "../core/raft-core.ts";
import type { History } from "./history.ts";

/** An entry that some member took as committed, and the term of the member that did so first. */
export interface CommittedEntry {
  readonly term: number;
  readonly content: string;
  readonly committedIn: number;
  /** The digest of the log from its beginning up to here. */
  readonly digest: number;
}

/** Who is watched. */
export interface Observed {
  readonly id: RaftId;
  readonly core: RaftCore;
}

/** Asks the disk of a member. */
export type IsDurable = (id: RaftId, index: number, term: number) => boolean;

export const contentOf = (entry: Entry): string => `${entry.type} ${entry.data?.toString("latin1") ?? "(empty)"}`;

/** FNV-1a over a running digest: one number that stands for a whole history. */
export function digestAfter(digest: number, entry: Entry): number {
  let hash = digest ^ entry.term;
  for (const character of contentOf(entry)) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  return hash >>> 0;
}

export class SafetyChecker {
  readonly #history: History;
  readonly #isDurable: IsDurable;
  readonly #leaders = new Map<number, RaftId>();
  readonly #written = new Map<string, { content: string; previousTerm: number | undefined }>();
  readonly #votes = new Map<string, RaftId>();
  readonly #seen = new Map<RaftCore, { term: number; committed: number; led: number }>();
  readonly #committed: CommittedEntry[] = [];

  constructor(history: History, isDurable: IsDurable) {
    this.#history = history;
    this.#isDurable = isDurable;
  }

  /** The last index known to be committed anywhere. */
  get lastCommitted(): number {
    return this.#committed.length;
  }

  committedAt(index: number): CommittedEntry | undefined {
    return this.#committed[index - 1];
  }

  /** Log matching: an index and a term name one entry, and one entry before it. */
  entriesWritten(member: Observed, entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    let previousTerm = member.core.termAt(first.index - 1);
    for (const entry of entries) {
      const key = `${entry.index}/${entry.term}`;
      const known = this.#written.get(key);
      const content = contentOf(entry);
      if (known === undefined) this.#written.set(key, { content, previousTerm });
      else {
        if (known.content !== content) {
          this.#fail(`log matching: entry ${key} is "${known.content}" elsewhere, "${content}" on`, member);
        }
        if (previousTerm !== undefined && known.previousTerm !== undefined && known.previousTerm !== previousTerm) {
          this.#fail(
            `log matching: entry ${key} follows term ${known.previousTerm} elsewhere, ${previousTerm} on`,
            member,
          );
        }
      }
      previousTerm = entry.term;
    }
  }

  /** One vote per term, for all time. */
  messageSent(member: Observed, message: RaftMessage): void {
    if (message.type !== "vote-resp" || message.reject) return;
    const key = `${member.id} in term ${message.term}`;
    const earlier = this.#votes.get(key);
    this.#votes.set(key, message.to);
    if (earlier !== undefined && earlier !== message.to) this.#fail(`two votes in term ${message.term} by`, member);
  }

  /** To be called after everything that a member does. */
  observe(member: Observed): void {
    const { core } = member;
    const seen = this.#seen.get(core) ?? { term: 0, committed: 0, led: 0 };
    if (core.term < seen.term) this.#fail(`the term went back from ${seen.term} to ${core.term} on`, member);
    if (core.committed < seen.committed) this.#fail(`the commit index went back from ${seen.committed} on`, member);
    if (core.applied > core.committed || core.committed > core.lastIndex) this.#fail("indexes out of order on", member);
    if (core.isLeader && seen.led !== core.term) this.#leads(member);
    if (core.committed > seen.committed) this.#commits(member, seen.committed);
    if (core.committed > seen.committed && core.isLeader && core.termAt(core.committed) !== core.term) {
      // Its outcome, a committed entry lost, takes a rare sequence of leaders (figure 8); the rule shows at once.
      this.#fail(`entry ${core.committed} of an earlier term was committed by counting on`, member);
    }
    this.#seen.set(core, {
      term: core.term,
      committed: core.committed,
      led: core.isLeader ? core.term : seen.led,
    });
  }

  /** State machine safety: what is applied at an index is what was committed there. */
  applied(member: Observed, entry: Entry, digest: number): void {
    const committed = this.#committed[entry.index - 1];
    if (committed === undefined) this.#fail(`entry ${entry.index} was applied uncommitted on`, member);
    if (committed.digest !== digest) this.#fail(`the state after entry ${entry.index} differs on`, member);
  }

  /** A state machine that was restored stands where every other stood at that index. */
  restored(member: Observed, index: number, digest: number): void {
    if (this.#committed[index - 1]?.digest !== digest) this.#fail(`the snapshot at ${index} differs on`, member);
  }

  /** Election safety, and leader completeness: whoever leads a term has all that was committed in earlier ones. */
  #leads(member: Observed): void {
    const { core } = member;
    const other = this.#leaders.get(core.term);
    if (other !== undefined && other !== member.id) {
      this.#fail(`two leaders in term ${core.term}: ${this.#history.nameOf(other)} and`, member);
    }
    this.#leaders.set(core.term, member.id);
    for (let { firstIndex: index } = core.status(); index <= this.#committed.length; index += 1) {
      const committed = this.#committed[index - 1];
      if (committed === undefined || committed.committedIn >= core.term) continue;
      if (core.termAt(index) !== committed.term) {
        this.#fail(`leader completeness: entry ${index}/${committed.term} is committed but missing on`, member);
      }
    }
  }

  /** Committed entries stay what they are, and each was on the disks of a majority when it was committed first. */
  #commits(member: Observed, from: number): void {
    const { core } = member;
    for (const entry of core.entriesFrom(from + 1)) {
      if (entry.index > core.committed) break;
      const known = this.#committed[entry.index - 1];
      if (known !== undefined) {
        if (known.term !== entry.term || known.content !== contentOf(entry)) {
          this.#fail(`entry ${entry.index} was committed with term ${known.term}, and with ${entry.term} on`, member);
        }
        continue;
      }
      if (entry.index !== this.#committed.length + 1)
        this.#fail(`entry ${entry.index} was committed too early on`, member);
      const digest = digestAfter(this.#committed.at(-1)?.digest ?? 0, entry);
      this.#committed.push({ term: entry.term, content: contentOf(entry), committedIn: core.term, digest });
      this.#requireMajority(member, entry);
    }
  }

  #requireMajority(member: Observed, entry: Entry): void {
    const { voters } = member.core;
    if (voters.length === 0) return; // the first entries of a new cluster, committed by its founder
    const holders = voters.filter((id) => this.#isDurable(id, entry.index, entry.term));
    if (holders.length * 2 <= voters.length) {
      this.#fail(
        `entry ${entry.index}/${entry.term} is on ${holders.length} of ${voters.length} disks, committed by`,
        member,
      );
    }
  }

  #fail(finding: string, member: Observed): never {
    this.#history.fail(`${finding} ${this.#history.nameOf(member.id)}`);
  }
}
