import type { ConfChange, RaftId } from "../core/messages.ts";
import { memberOf } from "./conf-change-codec.ts";
import type { ClusterMembership, Member } from "./state-machine.ts";

/** The members by raft id with their addresses, and the ids that were removed. Who votes is the core's business. */
export class MemberList {
  readonly #members = new Map<RaftId, Member>();
  readonly #removed = new Set<RaftId>();

  /** A change that was committed. An id that was removed before stays removed. */
  apply(change: ConfChange): void {
    if (change.type === "remove") {
      this.#members.delete(change.raftId);
      this.#removed.add(change.raftId);
    } else if (!this.#removed.has(change.raftId)) {
      this.#members.set(change.raftId, memberOf(change));
    }
  }

  /** Everything anew, from a snapshot. Removals known here are kept: an id never comes back. */
  replace(membership: ClusterMembership): void {
    this.#members.clear();
    for (const raftId of membership.removed) this.#removed.add(raftId);
    this.addKnown(membership.members);
  }

  /** Addresses of members this node was told about. */
  addKnown(members: readonly Member[]): void {
    for (const member of members) if (!this.#removed.has(member.raftId)) this.#members.set(member.raftId, member);
  }

  get(raftId: RaftId): Member | undefined {
    return this.#members.get(raftId);
  }

  isRemoved(raftId: RaftId): boolean {
    return this.#removed.has(raftId);
  }

  all(): readonly Member[] {
    return [...this.#members.values()];
  }

  membership(): ClusterMembership {
    return { members: this.all(), removed: [...this.#removed] };
  }
}
