import type { Member, RaftId, RaftMessage, Transport, TransportListener } from "@mswarm/raft";
import type { Channel } from "@mswarm/rpc";
import { type Clock, type Logger, messageOf, type Random, seconds, TaskGroup } from "@mswarm/runtime";
import type { mswarm } from "@mswarm/wire";
import { Peer, type PeerKind } from "./peer.ts";

export interface PeerTransportParts {
  /** A new channel to another manager: server name `swarm-manager`, our certificate, verified. */
  readonly openPeerChannel: (address: string) => Channel;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** What this manager says of itself to the others. */
  readonly greeting: () => mswarm.HelloRequest;
  /** Contact to a member is back after it was lost: other connections to it may be dead, and nobody was told. */
  readonly regained?: (member: Member) => void;
}

const resolveTimeout = seconds(2);

/**
 * Raft messages over gRPC. Each other member has one Peer, connected from the moment the member is known. Between
 * mswarm managers messages travel in batches on one stream, to Docker's by one call each.
 */
export class PeerTransport implements Transport {
  readonly #parts: PeerTransportParts;
  readonly #peers = new Map<RaftId, Peer>();
  /** Of members that were removed; their connections end by themselves, but not later than ours. */
  readonly #retired = new Set<Peer>();
  readonly #resolving = new Set<RaftId>();
  /** Where members are that are not where the group's configuration says. */
  readonly #moved = new Map<RaftId, { readonly address: string; readonly insteadOf: string }>();
  readonly #tasks: TaskGroup;
  #self: RaftId | undefined;
  #listener: TransportListener | undefined;
  #isClosed = false;

  constructor(parts: PeerTransportParts) {
    this.#parts = parts;
    this.#tasks = new TaskGroup(new AbortController().signal, (name, error) =>
      parts.log.debug({ task: name, reason: messageOf(error) }, "address of a raft member not found"),
    );
  }

  /** Names the node that sends through this transport. Peers are not dialled before. */
  attach(listener: TransportListener, self: RaftId): void {
    this.#listener = listener;
    this.#self = self;
    this.setMembers(this.#members);
  }

  #members: readonly Member[] = [];

  setMembers(members: readonly Member[]): void {
    this.#members = members;
    if (this.#self === undefined || this.#isClosed) return;
    const wanted = new Map(members.map((member) => [member.raftId, member]));
    for (const [raftId, peer] of this.#peers) {
      if (wanted.has(raftId)) continue;
      this.#retired.add(peer);
      peer.retire(() => this.#retired.delete(peer));
      this.#peers.delete(raftId);
    }
    for (const member of members) if (member.raftId !== this.#self) this.#connect(member);
  }

  /**
   * A manager says, by its own certificate, where it can be reached now. It is believed for as long as the members still
   * know it by the address that it had: with two managers nobody could agree on the new one without it.
   */
  hasMoved(raftId: RaftId, nodeId: string, address: string): void {
    const member = this.#members.find((each) => each.raftId === raftId && each.nodeId === nodeId);
    if (member === undefined || member.address === address || raftId === this.#self) return;
    if (this.#moved.get(raftId)?.address === address) return;
    this.#moved.set(raftId, { address, insteadOf: member.address });
    this.setMembers(this.#members);
  }

  /** A manager has greeted this one, by its own certificate: it can be reached, and is if it was not. */
  heardOf(raftId: RaftId, nodeId: string): void {
    const peer = this.#peers.get(raftId);
    if (peer?.member.nodeId === nodeId) peer.heard();
  }

  #connect(listed: Member): void {
    const moved = this.#moved.get(listed.raftId);
    if (moved !== undefined && moved.insteadOf !== listed.address) this.#moved.delete(listed.raftId);
    const member = moved?.insteadOf === listed.address ? { ...listed, address: moved.address } : listed;
    const known = this.#peers.get(member.raftId);
    if (known?.member.address === member.address) return;
    known?.close();
    this.#peers.set(
      member.raftId,
      new Peer(member, {
        ...this.#parts,
        openChannel: this.#parts.openPeerChannel,
        listener: () => this.#listener,
      }),
    );
  }

  send(messages: readonly RaftMessage[]): void {
    if (this.#isClosed) return;
    for (const message of messages) {
      const peer = this.#peers.get(message.to);
      if (peer === undefined) this.#sendToStranger(message);
      else peer.send(message);
    }
  }

  reachable(raftId: RaftId): boolean {
    return this.#peers.get(raftId)?.isActive ?? false;
  }

  /** What a member was at the last contact; undefined when it was never reached. */
  kindOf(raftId: RaftId): PeerKind | undefined {
    return this.#peers.get(raftId)?.kind;
  }

  /** Ends all connections. Idempotent. */
  close(): void {
    this.#isClosed = true;
    for (const peer of [...this.#peers.values(), ...this.#retired]) peer.close();
    this.#peers.clear();
    this.#retired.clear();
    this.#tasks.close().catch((error: unknown) => this.#parts.log.warn({ error }, "raft transport not closed"));
  }

  /**
   * A leader may be younger than our log: then its address is asked of the members we know, or it would never get an
   * answer, and we would never learn of it. Source: swarmkit manager/state/raft/transport, sendUnknownMessage.
   */
  #sendToStranger(message: RaftMessage): void {
    const { to } = message;
    if (this.#resolving.has(to)) return;
    this.#resolving.add(to);
    this.#tasks.run("resolve address", async (signal) => {
      try {
        const address = await this.#resolve(to, signal);
        if (address === undefined || this.#isClosed || this.#peers.has(to)) return;
        this.#connect({ raftId: to, nodeId: "", address });
        this.#peers.get(to)?.send(message);
      } finally {
        this.#resolving.delete(to);
      }
    });
  }

  /** The address of a member, from the first other one that knows it. */
  async #resolve(raftId: RaftId, signal: AbortSignal): Promise<string | undefined> {
    const active = [...this.#peers.values()].filter((peer) => peer.isActive);
    for (const peer of active) {
      const channel = this.#parts.openPeerChannel(peer.member.address);
      try {
        const client = channel.client("docker.swarmkit.v1.Raft");
        const { addr } = await client.ResolveAddress({ raftId }, { signal, timeout: resolveTimeout });
        if (addr !== undefined && addr !== "") return addr;
      } catch (error) {
        this.#parts.log.debug({ raftId, reason: messageOf(error) }, "a raft member does not know an address");
      } finally {
        channel.close();
      }
    }
    return undefined;
  }
}
