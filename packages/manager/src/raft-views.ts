// The Raft node as the parts of the manager want to see it. It exists later than they do: a manager serves before it is
// admitted to Raft, because whoever admits it calls back.
import type { LeadershipState, Member, RaftId, RaftMessage, RaftNode, Transport } from "@mswarm/raft";
import { noRaftId } from "@mswarm/raft";
import { failedPrecondition } from "@mswarm/runtime";
import type { MembershipView } from "./api/control-parts.ts";
import type { ManagerList } from "./dispatcher/session-message.ts";
import type { RaftGroup } from "./membership/raft-group.ts";

/** Where the Raft node is put once it runs. */
export class RaftHolder {
  current: RaftNode | undefined;
  /** The id this manager asks to be admitted under; its log has it already. */
  reservedId: RaftId = noRaftId;

  /** Errors: FAILED_PRECONDITION before this manager takes part. */
  require(): RaftNode {
    if (this.current === undefined) throw failedPrecondition("raft: node is not yet part of a raft cluster");
    return this.current;
  }

  get leadership(): LeadershipState {
    return this.current?.leadership ?? { isLeader: false, leaderId: noRaftId, term: 0 };
  }

  get raftId(): string {
    return this.current?.self.raftId ?? noRaftId;
  }

  /** The id under which this manager has lost nothing: the one it takes part under, or has reserved. */
  get intactId(): RaftId {
    return this.current?.self.raftId ?? this.reservedId;
  }

  members(): readonly Member[] {
    return this.current?.members() ?? [];
  }
}

/** For the control API: who is a member, who leads, who can be reached. */
export function membershipView(raft: RaftHolder): MembershipView {
  return {
    members: () => raft.members(),
    leaderRaftId: () => (raft.leadership.leaderId === noRaftId ? undefined : raft.leadership.leaderId),
    canRemove: (raftId) => raft.require().canRemoveMember(raftId),
    reachability: (raftId) => (raft.current?.reachable(raftId) ? "REACHABLE" : "UNREACHABLE"),
  };
}

/** For joining, leaving and roles. */
export function raftGroup(raft: RaftHolder): RaftGroup {
  return {
    get raftId() {
      return raft.raftId;
    },
    isMember: () => raft.members().some(({ raftId }) => raftId === raft.raftId),
    isLeader: () => raft.leadership.isLeader,
    members: () => raft.members(),
    isRemoved: (raftId) => raft.require().isRemoved(raftId),
    canRemove: (raftId) => raft.require().canRemoveMember(raftId),
    addMember: (member) => raft.require().addMember(member),
    updateMember: (member) => raft.require().updateMember(member),
    removeMember: (raftId) => raft.require().removeMember(raftId),
    transferLeadership: () => raft.require().transferLeadership(),
  };
}

/** A transport that also tells who the members are, and when that changes: for the dispatcher and the leader's channels. */
export class ObservedTransport implements Transport, ManagerList {
  readonly #transport: Transport;
  readonly #listeners = new Set<() => void>();
  #members: readonly Member[] = [];

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  send(messages: readonly RaftMessage[]): void {
    this.#transport.send(messages);
  }

  setMembers(members: readonly Member[]): void {
    this.#members = members;
    this.#transport.setMembers(members);
    for (const listener of [...this.#listeners]) listener();
  }

  reachable(raftId: string): boolean {
    return this.#transport.reachable(raftId);
  }

  managers(): readonly Member[] {
    return this.#members;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
