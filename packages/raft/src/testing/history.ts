// What happened last, for the report of a failure.
import type { RaftId, RaftMessage } from "../core/messages.ts";

/** A broken promise of Raft, with the seed and the events before it. */
export class SafetyViolation extends Error {
  override readonly name = "SafetyViolation";
  readonly seed: number;
  /** What was broken, without the story. */
  readonly finding: string;

  constructor(seed: number, finding: string, story: string) {
    super(`${finding}\n  seed ${seed}; replay with MSWARM_SEED=${seed}\n\n${story}`);
    this.seed = seed;
    this.finding = finding;
  }
}

interface Event {
  readonly moment: number;
  readonly member: string;
  readonly what: string | RaftMessage;
  readonly detail: string;
}

/** Members are named m1, m2 … in the order in which they first appear. */
export class History {
  readonly seed: number;
  /** How often each kind of event happened. */
  readonly counts: Map<string, number> = new Map();
  moment = 0;
  readonly #kept: number;
  readonly #names = new Map<RaftId, string>();
  #events: Event[] = [];

  constructor(seed: number, kept = 80) {
    this.seed = seed;
    this.#kept = kept;
  }

  nameOf(id: RaftId): string {
    const known = this.#names.get(id);
    if (known !== undefined) return known;
    const name = id === "0" ? "-" : `m${this.#names.size + 1}`;
    if (id !== "0") this.#names.set(id, name);
    return name;
  }

  /** @param what  fixed words, so that they can be counted */
  record(id: RaftId, what: string, detail = ""): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
    this.#add({ moment: this.moment, member: this.nameOf(id), what, detail });
  }

  /** A message that was delivered or lost: spelled out only when the story is told. */
  recordMessage(message: RaftMessage, fate: "delivered" | "lost"): void {
    this.counts.set(`${fate} ${message.type}`, (this.counts.get(`${fate} ${message.type}`) ?? 0) + 1);
    const member = this.nameOf(fate === "delivered" ? message.to : message.from);
    this.#add({ moment: this.moment, member, what: message, detail: fate });
  }

  fail(finding: string): never {
    throw new SafetyViolation(this.seed, `moment ${this.moment}: ${finding}`, this.story());
  }

  story(): string {
    const lines = this.#events.slice(-this.#kept).map(({ moment, member, what, detail }) => {
      const text = typeof what === "string" ? `${what} ${detail}` : this.#spell(what, detail);
      return `  ${String(moment).padStart(6)}  ${member.padEnd(4)} ${text}`;
    });
    return lines.join("\n");
  }

  #add(event: Event): void {
    this.#events.push(event);
    if (this.#events.length > this.#kept * 4) this.#events = this.#events.slice(-this.#kept);
  }

  #spell(message: RaftMessage, fate: string): string {
    const { type, from, to, term, index, logTerm, commit, reject, rejectHint, entries } = message;
    const parts = [`${fate} ${type} ${this.nameOf(from)}→${this.nameOf(to)} term=${term} at=${index}/${logTerm}`];
    if (entries.length > 0) parts.push(`entries=${entries.map((entry) => `${entry.index}/${entry.term}`).join(",")}`);
    if (type === "app" || type === "heartbeat") parts.push(`commit=${commit}`);
    if (reject) parts.push(`rejected, hint=${rejectHint}`);
    if (message.snapshot !== undefined) {
      const { meta } = message.snapshot;
      parts.push(`snapshot=${meta.index}/${meta.term} voters=${meta.voters.map((id) => this.nameOf(id)).join(",")}`);
    }
    return parts.join(" ");
  }
}
