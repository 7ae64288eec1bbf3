// Where the leader is, for calls that only it can answer (wire 1.4).

import { type LeadershipState, type Member, noRaftId, type RaftId } from "@mswarm/raft";
import {
  type Channel,
  type FormerLeader,
  isSameLocation,
  type LeaderForwarder,
  type LeaderLocation,
} from "@mswarm/rpc";
import {
  abortReason,
  type Clock,
  type Duration,
  milliseconds,
  seconds,
  unavailable,
  unknownError,
} from "@mswarm/runtime";

/** Without a leader for longer than this, calls fail instead of waiting. Source: wire 1.4 (10 ticks of a second). */
const patience = seconds(10);
const shortPatience = seconds(2);
/** Changes are told; this is for what nobody tells. */
const pollInterval = milliseconds(100);
/** For calls at a leader that has handed over: their answers are on the way. */
const farewell = milliseconds(300);

export interface LeaderLocatorParts {
  readonly clock: Clock;
  readonly leadership: () => LeadershipState;
  readonly members: () => readonly Member[];
  readonly openChannel: (address: string) => Channel;
  /** Of this manager. */
  readonly raftId: () => string;
}

export class LeaderLocator implements LeaderForwarder {
  readonly #parts: LeaderLocatorParts;
  readonly #channels = new Map<string, Channel>();
  /** No new calls are made on these; those that are under way have a moment. */
  readonly #leaving = new Set<Channel>();
  /** Those who wait for a change. */
  readonly #waiting = new Set<() => void>();
  #isClosed = false;

  constructor(parts: LeaderLocatorParts) {
    this.#parts = parts;
  }

  isHere(): boolean {
    return !this.#isClosed && this.#parts.leadership().isLeader;
  }

  /** Errors: UNKNOWN with Docker's text after ten seconds without a leader, UNAVAILABLE after `close`. */
  async leader(signal: AbortSignal, former?: FormerLeader): Promise<LeaderLocation> {
    const location = await this.#find(patience, signal, former);
    if (location !== undefined) return location;
    throw unknownError(
      "The swarm does not have a leader. It's possible that too few managers are online. Make sure more than half of the managers are online.",
    );
  }

  /** For calls that a manager without a leader may be able to answer itself: they are tried here after a short while. */
  readonly orHere: LeaderForwarder = {
    isHere: () => this.isHere(),
    leader: async (signal, former) => (await this.#find(shortPatience, signal, former)) ?? { self: true },
  };

  async #find(within: Duration, signal: AbortSignal, former?: FormerLeader): Promise<LeaderLocation | undefined> {
    const { clock } = this.#parts;
    const begun = clock.monotonic();
    for (;;) {
      if (this.#isClosed) throw unavailable("this manager is stopping");
      const location = this.#look();
      const waited = milliseconds(clock.monotonic() - begun);
      const pause = former !== undefined && isFormer(former, location) ? former.pause - waited : 0;
      if (location !== undefined && pause <= 0) return location;
      if (waited > within) return undefined;
      await this.#change(milliseconds(location === undefined ? pollInterval : pause), signal);
    }
  }

  /** Resolves when something may have changed, at the latest after `within`. */
  #change(within: Duration, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stopWaiting = (): void => {
        timer.cancel();
        this.#waiting.delete(onChange);
        signal.removeEventListener("abort", onAbort);
      };
      const onChange = (): void => {
        stopWaiting();
        resolve();
      };
      const onAbort = (): void => {
        stopWaiting();
        reject(abortReason(signal));
      };
      const timer = this.#parts.clock.timer(within, onChange);
      this.#waiting.add(onChange);
      signal.addEventListener("abort", onAbort, { once: true });
      if (signal.aborted) onAbort();
    });
  }

  #changed(): void {
    for (const tell of [...this.#waiting]) tell();
  }

  /** Closes channels to managers that are no longer members. */
  membersChanged(): void {
    this.#changed();
    const addresses = new Set(this.#parts.members().map(({ address }) => address));
    for (const [address, channel] of this.#channels) {
      if (addresses.has(address)) continue;
      channel.close();
      this.#channels.delete(address);
    }
  }

  /**
   * Another manager leads: calls that still wait for the former leader get a moment, then they fail, or are repeated at
   * the new one. Without this, a leader whose plug was pulled would keep them until their own time is over.
   */
  leaderChanged(): void {
    this.#changed();
    const { clock, leadership } = this.#parts;
    const { leaderId, term } = leadership();
    if (leaderId === noRaftId || this.#channels.size === 0) return;
    clock.timer(farewell, () => {
      if (leadership().term !== term) return;
      const leader = this.#addressOf(leadership().leaderId);
      for (const [address, channel] of this.#channels) {
        if (address === leader) continue;
        channel.close();
        this.#channels.delete(address);
      }
    });
  }

  /**
   * Contact to a member was lost and is back. A connection from before may be dead without anybody having been told: with
   * its plug pulled for a while, the kernel would repeat what was lost only after many seconds. New calls take a new one.
   */
  contactRegained(raftId: RaftId): void {
    const address = this.#addressOf(raftId);
    const channel = address === undefined ? undefined : this.#channels.get(address);
    if (address === undefined || channel === undefined) return;
    this.#channels.delete(address);
    this.#leaving.add(channel);
    this.#parts.clock.timer(farewell, () => {
      this.#leaving.delete(channel);
      channel.close();
    });
    this.#changed();
  }

  /** Ends all connections; whoever asks from now on is refused. Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#changed();
    for (const channel of [...this.#channels.values(), ...this.#leaving]) channel.close();
    this.#channels.clear();
  }

  #look(): LeaderLocation | undefined {
    const { leadership, raftId, openChannel } = this.#parts;
    const { isLeader, leaderId } = leadership();
    if (isLeader) return { self: true };
    // Elected but not ready: calls wait until the log is applied.
    if (leaderId === raftId()) return undefined;
    const address = this.#addressOf(leaderId);
    if (address === undefined) return undefined;
    const known = this.#channels.get(address);
    const channel = known ?? openChannel(address);
    if (known === undefined) this.#channels.set(address, channel);
    return { self: false, channel };
  }

  #addressOf(leaderId: RaftId): string | undefined {
    return this.#parts.members().find((member) => member.raftId === leaderId)?.address;
  }
}

const isFormer = (former: FormerLeader, location: LeaderLocation | undefined): boolean =>
  location !== undefined && isSameLocation(former.location, location);
