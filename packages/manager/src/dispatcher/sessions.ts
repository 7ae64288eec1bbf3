// Who is registered with the dispatcher.
import {
  type Clock,
  invalidArgument,
  newId,
  notFound,
  type Random,
  seconds,
  TokenBucket,
  unavailable,
} from "@mswarm/runtime";
import { type RegistrationCount, Session } from "./session.ts";
import { TwinWatch } from "./twin-watch.ts";

// Source: swarmkit manager/dispatcher/nodes.go and dispatcher.go, DefaultConfig.
const rateLimitPeriod = seconds(8);
const registrationsMax = 3;
/** What registrations write is replicated: a node that comes and goes, or changes what it says about itself, is slowed. */
const newsRate = { capacity: 10, interval: seconds(2) };

/** Live sessions by node. One per node: a new registration replaces the old session. */
export class Sessions {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #twins: TwinWatch;
  readonly #sessions = new Map<string, Session>();
  readonly #counts = new Map<string, RegistrationCount>();
  /** Of every node that has registered; one that was removed from the cluster is forgotten. */
  readonly #news = new Map<string, TokenBucket>();

  constructor(parts: { readonly clock: Clock; readonly random: Random }) {
    this.#clock = parts.clock;
    this.#random = parts.random;
    this.#twins = new TwinWatch(parts.clock);
  }

  get(nodeId: string): Session | undefined {
    return this.#sessions.get(nodeId);
  }

  all(): Iterable<Session> {
    return this.#sessions.values();
  }

  /** The live session of a node with this id. Fails with NOT_FOUND or INVALID_ARGUMENT, in the texts of the wire. */
  require(nodeId: string, sessionId: string | undefined): Session {
    const session = this.#sessions.get(nodeId);
    if (session === undefined) throw notFound("node not registered");
    if (session.id !== (sessionId ?? "")) throw invalidArgument("session invalid");
    return session;
  }

  /**
   * Counts a registration of a node that is still registered; fails with UNAVAILABLE when there were too many of them
   * in a row. A node that is not registered is free to come.
   */
  countRegistration(nodeId: string): void {
    if (!this.#sessions.has(nodeId)) {
      this.#counts.set(nodeId, { count: 0, at: this.#clock.monotonic() });
      return;
    }
    const now = this.#clock.monotonic();
    const last = this.#counts.get(nodeId);
    const isFresh = last === undefined || now - last.at > rateLimitPeriod;
    const count = (isFresh ? 0 : last.count) + 1;
    if (count > registrationsMax) {
      // The time of the last accepted one stays: a node that keeps trying is admitted again after the period.
      throw unavailable(`node ${nodeId} exceeded rate limit count of registrations`);
    }
    this.#counts.set(nodeId, { count, at: now });
  }

  /** True when two daemons take this node's session from each other, and the one that offers `sessionId` came second. */
  isTwin(nodeId: string, sessionId: string): boolean {
    return this.#sessions.has(nodeId) && this.#twins.isTwin(nodeId, sessionId);
  }

  /** Counts a registration that is to be written. Fails with UNAVAILABLE when there were too many. */
  countNews(nodeId: string): void {
    const bucket = this.#news.get(nodeId) ?? new TokenBucket(this.#clock, newsRate);
    this.#news.set(nodeId, bucket);
    if (!bucket.take()) throw unavailable(`node ${nodeId} exceeded rate limit count of registrations`);
  }

  /** The node is no longer one of the cluster. */
  forget(nodeId: string): void {
    this.#news.delete(nodeId);
  }

  /** A new session for the node; the streams of the one before fail. */
  add(nodeId: string): Session {
    const old = this.#sessions.get(nodeId);
    old?.end(invalidArgument("session invalid"));
    if (old !== undefined) this.#twins.replaced(nodeId, old.id);
    const session = new Session(nodeId, newId(this.#random));
    this.#sessions.set(nodeId, session);
    return session;
  }

  /** Ends the session of a node, if there is one; its streams fail with `error`. */
  remove(nodeId: string, error: Error): void {
    const session = this.#sessions.get(nodeId);
    if (session === undefined) return;
    this.#sessions.delete(nodeId);
    this.#counts.delete(nodeId);
    this.#twins.forget(nodeId);
    session.end(error);
  }
}
