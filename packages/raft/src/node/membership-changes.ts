// Proposes changes of membership, one at a time, after checking that they can do no harm.
import { alreadyExists, failedPrecondition, notFound } from "@mswarm/runtime";
import type { ConfChange, RaftId } from "../core/messages.ts";
import { encodeMember } from "./conf-change-codec.ts";
import type { MemberList } from "./member-list.ts";
import type { Member } from "./state-machine.ts";

export interface MembershipChangesParts {
  readonly list: MemberList;
  readonly self: Member;
  readonly requestId: () => string;
  readonly reachable: (raftId: RaftId) => boolean;
  /** Resolves when the change was applied here. */
  readonly propose: (change: ConfChange) => Promise<void>;
}

export class MembershipChanges {
  readonly #parts: MembershipChangesParts;
  #last: Promise<void> = Promise.resolve();

  constructor(parts: MembershipChangesParts) {
    this.#parts = parts;
  }

  /** Errors: ALREADY_EXISTS for a member, FAILED_PRECONDITION for an id that was removed or when not leading. */
  add(member: Member): Promise<void> {
    return this.#inTurn(() => {
      const { list, requestId, propose } = this.#parts;
      if (list.isRemoved(member.raftId)) throw failedPrecondition("raft: member was removed from the cluster");
      if (list.get(member.raftId) !== undefined) throw alreadyExists("raft: the member is already part of the cluster");
      return propose({ id: requestId(), type: "add", raftId: member.raftId, context: encodeMember(member) });
    });
  }

  /** Changes a member's address. Errors: NOT_FOUND, FAILED_PRECONDITION when not leading. */
  update(member: Member): Promise<void> {
    return this.#inTurn(() => {
      const { list, requestId, propose } = this.#parts;
      if (list.get(member.raftId) === undefined) throw notFound("raft: member not found");
      return propose({ id: requestId(), type: "update", raftId: member.raftId, context: encodeMember(member) });
    });
  }

  /** A member that was removed already is no error. Errors: NOT_FOUND, FAILED_PRECONDITION (quorum, not leading). */
  remove(raftId: RaftId): Promise<void> {
    return this.#inTurn(async () => {
      const { list, requestId, propose } = this.#parts;
      if (list.isRemoved(raftId)) return;
      if (list.get(raftId) === undefined) throw notFound("raft: member not found");
      if (!this.canRemove(raftId)) {
        throw failedPrecondition("raft: member cannot be removed, because removing it may result in loss of quorum");
      }
      await propose({ id: requestId(), type: "remove", raftId, context: undefined });
    });
  }

  /**
   * True when enough of the other members can be reached to go on without this one.
   * Source: swarmkit manager/state/raft, CanRemoveMember (wire reference 5.4).
   */
  canRemove(raftId: RaftId): boolean {
    const { list, self, reachable } = this.#parts;
    const members = list.all();
    const left = members.filter((member) => member.raftId !== raftId);
    const reachableCount = left.filter((member) => member.raftId === self.raftId || reachable(member.raftId)).length;
    return reachableCount >= Math.floor((members.length - 1) / 2) + 1;
  }

  #inTurn(change: () => Promise<void>): Promise<void> {
    const done = this.#last.then(change);
    this.#last = done.catch(() => undefined);
    return done;
  }
}
