// Members of one process that talk to each other without sockets, for tests and measurements.
import type { RaftId, RaftMessage } from "../../core/messages.ts";
import type { Transport, TransportListener } from "../transport.ts";

/** Delivers in order and without loss between members that are attached and not cut off. */
export class MemoryNetwork {
  readonly #listeners = new Map<RaftId, TransportListener>();
  readonly #cut = new Set<RaftId>();

  /** Connects a running node; the node before it under this id is forgotten. */
  attach(raftId: RaftId, listener: TransportListener): void {
    this.#listeners.set(raftId, listener);
  }

  detach(raftId: RaftId): void {
    this.#listeners.delete(raftId);
  }

  /** Nothing reaches the member or leaves it. */
  cut(raftId: RaftId): void {
    this.#cut.add(raftId);
  }

  heal(raftId: RaftId): void {
    this.#cut.delete(raftId);
  }

  /** What the member with this id sends through. */
  transport(self: RaftId): Transport {
    return {
      send: (messages) => queueMicrotask(() => this.#deliver(self, messages)),
      setMembers: () => undefined,
      reachable: (raftId) => this.#connected(self, raftId) !== undefined,
    };
  }

  #connected(from: RaftId, to: RaftId): TransportListener | undefined {
    return this.#cut.has(from) || this.#cut.has(to) ? undefined : this.#listeners.get(to);
  }

  #deliver(self: RaftId, messages: readonly RaftMessage[]): void {
    for (const message of messages) {
      const receiver = this.#connected(self, message.to);
      const sender = this.#listeners.get(self);
      if (receiver === undefined) sender?.reportUnreachable(message.to);
      else receiver.step(message);
      if (message.type === "snap") sender?.reportSnapshot(message.to, receiver !== undefined);
    }
  }
}
