// Keeps this node in a session with some manager: connects, runs the session, and after its end connects again.
import {
  type Clock,
  type Duration,
  isSwarmError,
  type Logger,
  messageOf,
  minutes,
  type Random,
  seconds,
  throwIfAborted,
} from "@mswarm/runtime";
import type { NodeDescription, SessionMessage } from "@mswarm/wire";
import { noAssignments } from "../assignments.ts";
import type { ManagerConnection } from "./connection.ts";
import { refusalOf } from "./refusal.ts";
import { isRemoval } from "./removal.ts";
import { runSession, type SessionParts } from "./session.ts";
import { SessionBackoff } from "./session-backoff.ts";

/** A node that was removed never gets back under its old certificate; asked again in case that was not the last word. */
const removedPause = minutes(1);
/** A manager that registers this node and then fails its sessions sooner than this is no better than one that refuses. */
const steadyAfter = seconds(5);

export interface SessionLoopParts
  extends Pick<SessionParts, "tasks" | "reporter" | "onMessage" | "serveLogs" | "clock" | "log"> {
  readonly nodeId: string;
  /** Chooses a manager; rejects when none can be had. */
  connect(signal: AbortSignal): Promise<ManagerConnection>;
  /** The node as it is now. Rejects while the engine does not answer: then there is nothing to offer to a manager. */
  describe(signal: AbortSignal): Promise<NodeDescription>;
  /** Resolves when the description is no longer true and a new session has to tell so. */
  whenDescriptionChanges(signal: AbortSignal): Promise<void>;
  /** A session, or the attempt at one, failed with this. */
  onFailure(error: unknown): void;
  readonly random: Random;
  readonly clock: Clock;
  readonly log: Logger;
}

export class SessionLoop {
  readonly #parts: SessionLoopParts;
  readonly #backoff: SessionBackoff;
  #sessionId = "";
  #connection: ManagerConnection | undefined;
  #wasRemoved = false;
  /** When the present session, or the last one, was established. */
  #establishedAt: Duration | undefined;

  constructor(parts: SessionLoopParts) {
    this.#parts = parts;
    this.#backoff = new SessionBackoff(parts.random);
  }

  /** The manager and the id of the session at this moment; undefined between two sessions. */
  get current(): { readonly connection: ManagerConnection; readonly sessionId: string } | undefined {
    return this.#connection === undefined ? undefined : { connection: this.#connection, sessionId: this.#sessionId };
  }

  /** True when the managers' last word was that they have removed this node. */
  get wasRemoved(): boolean {
    return this.#wasRemoved;
  }

  /** Runs until the signal aborts, then rejects with its reason. */
  async run(signal: AbortSignal): Promise<never> {
    const { clock, log } = this.#parts;
    for (;;) {
      try {
        await this.#oneSession(signal);
        throwIfAborted(signal);
        log.debug({}, "the node's description has changed, telling the manager");
      } catch (error) {
        throwIfAborted(signal);
        this.#forgiveAfterSteadySession();
        if (isRemoval(error, this.#parts.nodeId)) this.#removed();
        const delay = this.#wasRemoved ? removedPause : (refusalOf(error)?.pause ?? this.#backoff.next());
        log.warn({ error: messageOf(error), retryInMs: Math.round(delay) }, "no session with a manager");
        this.#parts.onFailure(error);
        await clock.sleep(delay, signal);
      }
    }
  }

  /** Returns when the description has changed; rejects when the session failed. */
  async #oneSession(signal: AbortSignal): Promise<void> {
    const description = await this.#parts.describe(signal);
    const connection = await this.#parts.connect(signal);
    const changed = new AbortController();
    const session = AbortSignal.any([signal, changed.signal]);
    const stopWatching = new AbortController();
    const watching = this.#parts.whenDescriptionChanges(AbortSignal.any([signal, stopWatching.signal])).then(
      () => changed.abort(),
      // Ended from outside; the session ends for its own reasons.
      isSwarmError,
    );
    try {
      await runSession(
        {
          ...this.#parts,
          connection,
          description,
          sessionId: this.#sessionId,
          onMessage: (message) => this.#onMessage(connection, message),
        },
        session,
      );
    } catch (error) {
      if (!changed.signal.aborted) throw error;
    } finally {
      this.#connection = undefined;
      connection.close(changed.signal.aborted ? "good" : "bad");
      stopWatching.abort();
      await watching;
    }
  }

  #forgiveAfterSteadySession(): void {
    const since = this.#establishedAt;
    this.#establishedAt = undefined;
    if (since !== undefined && this.#parts.clock.monotonic() - since >= steadyAfter) this.#backoff.reset();
  }

  /** The tasks are other nodes' by now. */
  #removed(): void {
    if (this.#wasRemoved) return;
    this.#wasRemoved = true;
    this.#parts.log.error({}, "this node was removed from the cluster: its tasks are stopped");
    this.#parts.tasks.apply(noAssignments, true);
  }

  #onMessage(connection: ManagerConnection, message: SessionMessage): void {
    if (this.#connection === undefined) this.#establishedAt = this.#parts.clock.monotonic();
    this.#connection = connection;
    this.#wasRemoved = false;
    this.#sessionId = message.sessionId ?? this.#sessionId;
    this.#parts.onMessage(message);
  }
}
