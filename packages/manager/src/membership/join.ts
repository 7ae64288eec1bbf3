// How a manager becomes a member of the Raft group, and how it stops being one (wire 5.3, 5.4).
import { isIP } from "node:net";
import { type Member, noRaftId, type RaftId } from "@mswarm/raft";
import type { Call } from "@mswarm/rpc";
import {
  type Clock,
  deadlineExceeded,
  failedPrecondition,
  invalidArgument,
  type Logger,
  messageOf,
  permissionDenied,
  type Random,
  type SwarmError,
  seconds,
  unknownError,
} from "@mswarm/runtime";
import { nodes, type Store } from "@mswarm/store";
import type { JoinRequest, JoinResponse, LeaveRequest, LeaveResponse } from "@mswarm/wire";
import { hostAndPort } from "./host-and-port.ts";
import type { RaftGroup } from "./raft-group.ts";

/**
 * What is asked of a manager under the address it gives. Both calls have to make sure that the server there has the
 * certificate of `nodeId`: otherwise a manager could join under the address of another.
 */
export interface PeerProbe {
  /** Health/Check("Raft") answers SERVING; rejects otherwise. */
  checkHealth(address: string, nodeId: string, signal: AbortSignal): Promise<void>;
  /**
   * `mswarm.v1.Peer/Hello`: the raft id under which the manager has lost nothing (it has its log, or has not begun one),
   * `"0"` for none. Undefined when the peer answers UNIMPLEMENTED, as a Docker Engine does.
   */
  helloPeer(
    address: string,
    nodeId: string,
    signal: AbortSignal,
  ): Promise<{ readonly raftId: RaftId; readonly instance?: string } | undefined>;
}

export interface JoinParts {
  readonly raft: RaftGroup;
  /** Refuses a manager that another process stands for. Errors: FAILED_PRECONDITION. */
  readonly live: { greet(nodeId: string, instance: string): void };
  /** Is told of each Docker Engine that is refused. */
  readonly refused: { add(nodeId: string): void };
  readonly probe: PeerProbe;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Source: swarmkit manager/state/raft/raft.go, Join. */
const probeTimeout = seconds(5);

export class Membership {
  readonly #parts: JoinParts;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: JoinParts) {
    this.#parts = parts;
  }

  /**
   * Makes the calling manager a member. Runs on the leader.
   *
   * A known node keeps its raft id only if it shows that it still has its log, or has never taken part; a log that was
   * lost may have held votes and acknowledged entries, so that id is removed and a new one given. A new manager names
   * the id it has reserved, so that asking twice admits it once.
   *
   * A follower confirms a member that it knows: where two managers are all there is, the second may have been admitted
   * without learning of it, and until it takes part nobody can lead.
   */
  async join(request: JoinRequest, call: Call): Promise<JoinResponse> {
    const { raft, log } = this.#parts;
    if (!raft.isMember()) throw failedPrecondition("raft: node is not yet part of a raft cluster");
    const nodeId = call.caller.identity?.nodeId;
    if (nodeId === undefined) throw permissionDenied("no client certificates in request");
    this.#requireManager(nodeId);
    const address = dialable(request.addr ?? "", call.caller.remoteAddress);
    if (!raft.isLeader() && !raft.members().some((member) => member.nodeId === nodeId)) throw noLeader();
    const keptRaftId = await this.#probe(address, nodeId, call.signal);
    return this.#inTurn(async () => {
      // The record may have changed while the peer was asked.
      this.#requireManager(nodeId);
      const known = raft.members().find((member) => member.nodeId === nodeId);
      const isConfirmed = known?.raftId === keptRaftId && known.address === address;
      if (isConfirmed) return { raftId: keptRaftId, members: raft.members().map(wireMember) };
      this.#requireLeader();
      const raftId = await this.#admit(nodeId, address, keptRaftId);
      log.info({ node: nodeId, raftId, address }, "a manager joined");
      return { raftId, members: raft.members().map(wireMember) };
    });
  }

  /** Takes a member out; any manager may ask for any member. */
  async leave(request: LeaveRequest): Promise<LeaveResponse> {
    const { raft, log } = this.#parts;
    const raftId = request.node?.raftId;
    if (request.node === undefined) throw invalidArgument("no node information provided");
    this.#requireLeader();
    return this.#inTurn(async () => {
      this.#requireLeader();
      if (raftId === undefined || !raft.members().some((member) => member.raftId === raftId)) return {};
      if (raftId === raft.raftId) {
        await raft.transferLeadership();
        throw failedPrecondition("this manager leads: leadership is being handed over, ask again");
      }
      await raft.removeMember(raftId);
      log.info({ raftId }, "a manager left");
      return {};
    });
  }

  async #admit(nodeId: string, address: string, keptRaftId: RaftId): Promise<RaftId> {
    const { raft, log } = this.#parts;
    const known = raft.members().find((member) => member.nodeId === nodeId);
    if (known !== undefined && known.raftId === keptRaftId) {
      if (known.address !== address) await raft.updateMember({ ...known, address });
      return known.raftId;
    }
    if (known !== undefined) {
      log.warn({ node: nodeId, raftId: known.raftId }, "a manager joins without its log: its old raft id is removed");
      await raft.removeMember(known.raftId);
    }
    // The id that the manager has reserved: should it never get this answer, it asks again under the same one.
    const raftId = this.#isUnused(keptRaftId) ? keptRaftId : this.#unusedRaftId();
    await raft.addMember({ raftId, nodeId, address });
    return raftId;
  }

  /** Asks the joining manager itself, under the address it wants to be known by. */
  async #probe(address: string, nodeId: string, signal: AbortSignal): Promise<RaftId> {
    const { probe, live, refused } = this.#parts;
    const hello = await this.#within(signal, async (inTime) => {
      await probe.checkHealth(address, nodeId, inTime);
      return { answer: await probe.helloPeer(address, nodeId, inTime) };
    });
    if (hello.answer === undefined) {
      refused.add(nodeId);
      throw failedPrecondition(
        `node ${nodeId} runs Docker Engine: managers of Docker and of mswarm cannot share a cluster's quorum yet. Let it join as a worker`,
      );
    }
    live.greet(nodeId, hello.answer.instance ?? "");
    return hello.answer.raftId;
  }

  async #within<T>(signal: AbortSignal, ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const over = new AbortController();
    const onAbort = (): void => over.abort(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    const late = deadlineExceeded(`no answer within ${probeTimeout / 1_000} s`);
    const timer = this.#parts.clock.timer(probeTimeout, () => over.abort(late));
    const ended = new Promise<never>((_resolve, reject) => {
      over.signal.addEventListener("abort", () => reject(over.signal.reason), { once: true });
    });
    try {
      if (signal.aborted) onAbort();
      return await Promise.race([ask(over.signal), ended]);
    } catch (error) {
      throw unknownError(
        `could not connect to prospective new cluster member using its advertised address: ${messageOf(error)}`,
        { cause: error },
      );
    } finally {
      timer.cancel();
      signal.removeEventListener("abort", onAbort);
    }
  }

  #requireLeader(): void {
    if (!this.#parts.raft.isLeader()) throw noLeader();
  }

  /** A manager's certificate outlives a demotion; the record does not. */
  #requireManager(nodeId: string): void {
    const node = this.#parts.store.view((tx) => tx.get(nodes, nodeId));
    if (node?.role !== "MANAGER" || node.spec?.desiredRole !== "MANAGER") {
      throw permissionDenied(`Permission denied: node ${nodeId} is not a manager of this cluster`);
    }
  }

  /** Random in 1 … 2^63; never one that is or was a member. */
  #unusedRaftId(): RaftId {
    for (;;) {
      const raftId = String((this.#parts.random.bytes(8).readBigUInt64BE() >> 1n) + 1n);
      if (this.#isUnused(raftId)) return raftId;
    }
  }

  #isUnused(raftId: RaftId): boolean {
    const { raft } = this.#parts;
    return raftId !== noRaftId && !raft.isRemoved(raftId) && raft.members().every((member) => member.raftId !== raftId);
  }

  /** One change after another: what was decided must still hold when it is carried out. */
  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(change);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

const noLeader = (): SwarmError => failedPrecondition("raft: failed to process the request: node lost leader status");

const wireMember = ({ raftId, nodeId, address }: Member) => ({ raftId, nodeId, addr: address });

/** The address others will dial. An unspecified host stands for the one that the call came from. */
function dialable(address: string, remoteAddress: string): string {
  const asked = hostAndPort(address);
  if (asked === undefined) throw invalidArgument(`invalid address ${address.slice(0, 256)} in raft join request`);
  if (!isUnspecified(asked.host)) return address;
  const host = hostAndPort(remoteAddress)?.host ?? "";
  if (isIP(host) === 0) throw invalidArgument(`invalid address ${address} in raft join request`);
  return isIP(host) === 6 ? `[${host}]:${asked.port}` : `${host}:${asked.port}`;
}

const isUnspecified = (host: string): boolean =>
  host === "" || host === "0.0.0.0" || (isIP(host) === 6 && /^[0:]+$/.test(host));
