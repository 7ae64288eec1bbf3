// The connection to one other manager: finds out what it is, and carries messages to it the way it understands.
import type { Member, RaftMessage, TransportListener } from "@mswarm/raft";
import type { Channel } from "@mswarm/rpc";
import {
  Backoff,
  type ChildAbort,
  type Clock,
  childAbort,
  type Duration,
  isSwarmError,
  type Logger,
  messageOf,
  milliseconds,
  permissionDenied,
  type Random,
  seconds,
  TaskGroup,
  unavailable,
} from "@mswarm/runtime";
import type { mswarm } from "@mswarm/wire";
import { DockerRaftCalls } from "./docker-raft-calls.ts";
import { isTwinRefusal } from "./live-managers.ts";
import { OutgoingQueue } from "./outgoing-queue.ts";
import { messageToWire } from "./raft-message-codec.ts";

export type PeerKind = "mswarm" | "docker";

export interface PeerParts {
  /** A new channel to the address, for each attempt; the peer closes it. */
  readonly openChannel: (address: string) => Channel;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** What we say of ourselves. */
  readonly greeting: () => mswarm.HelloRequest;
  readonly listener: () => TransportListener | undefined;
  /** Contact to the member is back after it was lost. */
  readonly regained?: (member: Member) => void;
}

/** A Hello takes as long as a health check of SwarmKit may. Source: wire reference 1.6. */
const helloTimeout = seconds(2);
/** How often an mswarm peer is asked whether it is still there: TCP alone notices a pulled plug after minutes. */
const probeInterval = seconds(2);
/** An attempt to connect that is younger may well be on its way. */
const freshAttempt = milliseconds(250);
/** For messages that are already on their way to a member that was removed. Source: wire reference 5.4. */
const lingerTime = seconds(8);

export class Peer {
  readonly member: Member;
  readonly #parts: PeerParts;
  readonly #queue = new OutgoingQueue();
  readonly #tasks: TaskGroup;
  readonly #backoff: Backoff;
  #kind: PeerKind | undefined;
  #isActive = false;
  #wasActive = false;
  #attempt: ChildAbort | undefined;
  #attemptBegan: Duration = milliseconds(0);
  /** Between two attempts. */
  #pause: ChildAbort | undefined;
  #triesAgainAtOnce = false;
  /** False between two attempts: what is sent then would be stale when the peer comes back. */
  #accepts = true;
  #isRetired = false;
  #sendsSnapshot = false;

  constructor(member: Member, parts: PeerParts) {
    this.member = member;
    this.#parts = parts;
    this.#backoff = new Backoff({ base: milliseconds(100), max: milliseconds(500) }, parts.random);
    const lifetime = new AbortController().signal;
    this.#tasks = new TaskGroup(lifetime, (name, error) =>
      parts.log.error({ raftId: member.raftId, task: name, error }, "connection to a raft member failed for good"),
    );
    this.#tasks.run("connection", (signal) => this.#run(signal));
  }

  /** True when the last contact succeeded. */
  get isActive(): boolean {
    return this.#isActive;
  }

  /** Undefined before the first contact. */
  get kind(): PeerKind | undefined {
    return this.#kind;
  }

  send(message: RaftMessage): void {
    if (message.type === "snap" && this.#sendsSnapshot) {
      // One at a time is enough; the leader asks again.
      this.#undelivered(message);
    } else if (!this.#accepts || !this.#queue.push(message)) {
      this.#undelivered(message);
    } else if (message.type === "snap") {
      this.#sendsSnapshot = true;
    }
  }

  /**
   * The member has spoken to this manager, so it can be reached: one that was not is tried at once. After a plug was put back, an
   * attempt from before would wait for the kernel to repeat what was lost.
   */
  heard(): void {
    if (this.#isActive || this.#parts.clock.monotonic() - this.#attemptBegan < freshAttempt) return;
    this.#triesAgainAtOnce = true;
    this.#attempt?.abort(unavailable("the member has spoken: it is tried anew"));
    this.#pause?.abort();
  }

  /** Ends the connection soon, and says so: the member was removed. */
  retire(onEnd: () => void): void {
    if (this.#isRetired) return;
    this.#isRetired = true;
    this.#tasks.run("linger", async (signal) => {
      await this.#parts.clock.sleep(lingerTime, signal);
      this.close();
      onEnd();
    });
  }

  close(): void {
    this.#accepts = false;
    this.#isActive = false;
    this.#tasks.close().catch((error: unknown) => this.#parts.log.warn({ error }, "raft peer not closed"));
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const attempt = childAbort(signal);
      this.#attempt = attempt;
      this.#attemptBegan = this.#parts.clock.monotonic();
      this.#triesAgainAtOnce = false;
      const channel = this.#parts.openChannel(this.member.address);
      try {
        await this.#connect(channel, attempt.signal);
        this.#failed(unavailable("the peer ended the stream"));
      } catch (error) {
        if (signal.aborted) return;
        this.#failed(error);
      } finally {
        this.#attempt = undefined;
        attempt.abort();
        attempt.release();
        channel.close();
      }
      if (this.#isRetired) return;
      if (!this.#triesAgainAtOnce) await this.#waitForNext(signal);
      this.#accepts = true;
    }
  }

  /** A growing pause; `heard` ends it. */
  async #waitForNext(signal: AbortSignal): Promise<void> {
    const pause = childAbort(signal);
    this.#pause = pause;
    await this.#parts.clock.sleep(this.#backoff.next(), pause.signal).catch(() => undefined);
    this.#pause = undefined;
    pause.release();
  }

  async #connect(channel: Channel, signal: AbortSignal): Promise<void> {
    this.#kind = await this.#hello(channel, signal);
    this.#succeeded();
    if (this.#kind === "docker") await this.#sendCalls(channel, signal);
    else await this.#sendBatches(channel, signal);
  }

  /** What kind of manager answers. UNIMPLEMENTED is an answer: Docker's. */
  async #hello(channel: Channel, signal: AbortSignal): Promise<PeerKind> {
    const { nodeId, address } = this.member;
    let kind: PeerKind = "mswarm";
    try {
      await channel.client("mswarm.v1.Peer").Hello(this.#parts.greeting(), { signal, timeout: helloTimeout });
    } catch (error) {
      if (!isSwarmError(error, "UNIMPLEMENTED")) throw error;
      kind = "docker";
    }
    // The certificate says that it is a manager; what is sent here is for this one.
    if (nodeId !== "" && channel.peer !== undefined && channel.peer.nodeId !== nodeId) {
      throw permissionDenied(`the manager at ${address} is node ${channel.peer.nodeId}, not ${nodeId}`);
    }
    return kind;
  }

  #succeeded(): void {
    this.#backoff.reset();
    if (!this.#isActive) {
      const { raftId, address } = this.member;
      this.#parts.log.info({ raftId, address, kind: this.#kind }, "connected to a raft member");
      if (this.#wasActive) this.#parts.regained?.(this.member);
    }
    this.#isActive = true;
    this.#wasActive = true;
  }

  #failed(error: unknown): void {
    const { log, listener } = this.#parts;
    const { raftId, address } = this.member;
    if (this.#isActive) {
      log.info({ raftId, address, reason: messageOf(error) }, "lost contact to a raft member");
      listener()?.reportDisconnected(raftId);
    } else log.debug({ raftId, address, reason: messageOf(error) }, "raft member not reached");
    this.#isActive = false;
    this.#accepts = false;
    this.#sendsSnapshot = false;
    if (isMemberRemoved(error)) listener()?.reportRemoved();
    if (isTwinRefusal(error) && error instanceof Error) listener()?.reportRefused(raftId, error);
    const waiting = this.#queue.clear();
    listener()?.reportUnreachable(raftId);
    for (const message of waiting) if (message.type === "snap") listener()?.reportSnapshot(raftId, false);
  }

  #undelivered(message: RaftMessage): void {
    const listener = this.#parts.listener();
    listener?.reportUnreachable(this.member.raftId);
    if (message.type === "snap") listener?.reportSnapshot(this.member.raftId, false);
  }

  /** To Docker: strictly one message after another. */
  async #sendCalls(channel: Channel, signal: AbortSignal): Promise<void> {
    const calls = new DockerRaftCalls(channel, this.#parts.clock);
    for (;;) {
      const message = await this.#queue.one(signal);
      if (message.type === "snap") await this.#sendSnapshot(calls, message, signal);
      else await calls.send(message, signal);
      this.#succeeded();
    }
  }

  /** To mswarm: everything that waits travels in one batch, as fast as the peer reads. */
  async #sendBatches(channel: Channel, signal: AbortSignal): Promise<void> {
    const attempt = childAbort(signal);
    const calls = new DockerRaftCalls(channel, this.#parts.clock);
    try {
      const stream = channel
        .client("mswarm.v1.RaftTransport")
        .Stream(this.#batches(calls, attempt.signal), { signal: attempt.signal });
      await Promise.race([stream, this.#probe(channel, attempt.signal)]);
    } finally {
      attempt.abort();
      attempt.release();
    }
  }

  /** Ends, by failing, when the peer no longer answers. */
  async #probe(channel: Channel, signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#parts.clock.sleep(probeInterval, signal);
      await this.#hello(channel, signal);
    }
  }

  async *#batches(calls: DockerRaftCalls, signal: AbortSignal): AsyncGenerator<mswarm.RaftBatch> {
    for (;;) {
      const messages = await this.#queue.batch(signal);
      // A snapshot takes its own call, so that heartbeats are not held up behind it.
      for (const message of messages) if (message.type === "snap") this.#sendSnapshotAside(calls, message, signal);
      const others = messages.filter(({ type }) => type !== "snap");
      if (others.length > 0) yield { messages: others.map(messageToWire) };
    }
  }

  #sendSnapshotAside(calls: DockerRaftCalls, message: RaftMessage, signal: AbortSignal): void {
    this.#tasks.run("snapshot", async () => {
      try {
        await this.#sendSnapshot(calls, message, signal);
      } catch (error) {
        if (!signal.aborted)
          this.#parts.log.info({ raftId: message.to, reason: messageOf(error) }, "snapshot not delivered");
      }
    });
  }

  async #sendSnapshot(calls: DockerRaftCalls, message: RaftMessage, signal: AbortSignal): Promise<void> {
    const { log, listener } = this.#parts;
    const { raftId } = this.member;
    log.info({ raftId, index: message.snapshot?.meta.index }, "sending a raft snapshot");
    let delivered = false;
    try {
      await calls.send(message, signal);
      delivered = true;
    } finally {
      this.#sendsSnapshot = false;
      listener()?.reportSnapshot(raftId, delivered);
    }
  }
}

/**
 * The answers by which a manager learns that it was removed: out of Raft (wire reference 5.4), or out of the cluster
 * as a node, which it only can be when it is no member any more.
 */
function isMemberRemoved(error: unknown): boolean {
  if (isSwarmError(error, "NOT_FOUND")) return error.message.includes("member was removed");
  return isSwarmError(error, "PERMISSION_DENIED") && error.message.includes("was removed from swarm");
}
