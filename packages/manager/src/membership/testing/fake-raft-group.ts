import type { Member, RaftId } from "@mswarm/raft";
import { failedPrecondition } from "@mswarm/runtime";
import type { RaftGroup } from "../raft-group.ts";

/** A Raft group in memory: changes happen at once, unless the test says that members cannot be reached. */
export class FakeRaftGroup implements RaftGroup {
  readonly raftId: RaftId = "1";
  readonly removed: RaftId[] = [];
  readonly unreachable: Set<RaftId> = new Set();
  leads = true;
  joined = true;
  transfers = 0;
  #members: Member[];

  constructor(members: readonly Member[]) {
    this.#members = [...members];
  }

  isMember(): boolean {
    return this.joined;
  }

  isLeader(): boolean {
    return this.leads;
  }

  members(): readonly Member[] {
    return this.#members;
  }

  isRemoved(raftId: RaftId): boolean {
    return this.removed.includes(raftId);
  }

  canRemove(raftId: RaftId): boolean {
    const left = this.#members.filter((member) => member.raftId !== raftId && !this.unreachable.has(member.raftId));
    return left.length >= Math.floor((this.#members.length - 1) / 2) + 1;
  }

  async addMember(member: Member): Promise<void> {
    this.#members = [...this.#members, member];
  }

  async updateMember(member: Member): Promise<void> {
    this.#members = this.#members.map((known) => (known.raftId === member.raftId ? member : known));
  }

  async removeMember(raftId: RaftId): Promise<void> {
    if (!this.canRemove(raftId)) {
      throw failedPrecondition("raft: member cannot be removed, because removing it may result in loss of quorum");
    }
    this.removed.push(raftId);
    this.#members = this.#members.filter((member) => member.raftId !== raftId);
  }

  async transferLeadership(): Promise<void> {
    this.transfers += 1;
    this.leads = false;
  }
}
