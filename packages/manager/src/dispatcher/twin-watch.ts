// Tells a node that comes back from two daemons that use one identity: a state directory that was copied. They would take
// the node's session from each other for ever, and its tasks would run twice.
import { type Clock, type Duration, seconds } from "@mswarm/runtime";

const memory = seconds(60);
/** The first return is the former daemon's, the second one the newcomer's: it is the one to refuse. */
const returnsMax = 2;

interface Takeover {
  /** The session that the live one has replaced. */
  readonly replaced: string;
  readonly returns: number;
  readonly at: Duration;
}

export class TwinWatch {
  readonly #clock: Clock;
  readonly #takeovers = new Map<string, Takeover>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The live session of a node gives way to a new one. */
  replaced(nodeId: string, sessionId: string): void {
    const returns = this.#recent(nodeId)?.returns ?? 0;
    this.#takeovers.set(nodeId, { replaced: sessionId, returns, at: this.#clock.monotonic() });
  }

  /**
   * A node registers while it has a live session, and offers another one. True when that proves a twin: whoever offers
   * the session that was replaced cannot be the one who replaced it; once may be a lost answer.
   */
  isTwin(nodeId: string, offered: string): boolean {
    const takeover = this.#recent(nodeId);
    if (offered === "" || takeover?.replaced !== offered) return false;
    const returns = Math.min(takeover.returns + 1, returnsMax);
    this.#takeovers.set(nodeId, { ...takeover, returns, at: this.#clock.monotonic() });
    return returns >= returnsMax;
  }

  forget(nodeId: string): void {
    this.#takeovers.delete(nodeId);
  }

  #recent(nodeId: string): Takeover | undefined {
    const takeover = this.#takeovers.get(nodeId);
    return takeover !== undefined && this.#clock.monotonic() - takeover.at < memory ? takeover : undefined;
  }
}
