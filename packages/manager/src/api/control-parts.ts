// What control operations are made of. Each takes only what it names.

import type { Call } from "@mswarm/rpc";
import type { Clock, Random } from "@mswarm/runtime";
import type { Store } from "@mswarm/store";
import type { Node, RaftMemberStatus_Reachability, Service, Task } from "@mswarm/wire";

/** The manager's view of the Raft members; answered by the raft node. */
export interface MembershipView {
  members(): readonly { readonly raftId: string; readonly nodeId: string; readonly address: string }[];
  /** Undefined while there is no leader. */
  leaderRaftId(): string | undefined;
  /** Whether the others would still have a quorum of reachable members. Source: wire reference 5.4. */
  canRemove(raftId: string): boolean;
  reachability(raftId: string): RaftMemberStatus_Reachability;
}

export interface ControlParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly membership: MembershipView;
  /** The task is not what its service asks for now; `node` is where it runs. Answered by the orchestrator. */
  readonly isTaskDirty: (service: Service, task: Task, node: Node | undefined) => boolean;
  /** The node runs mswarm, and so may become a manager of this swarm. */
  readonly isMswarmNode: (node: Node) => boolean;
}

/** One operation of the control surface. It runs on the leader; `call` says who asks. Fails with SwarmError. */
export type ControlOperation<Request, Response> = (
  parts: ControlParts,
  request: Request,
  call: Call,
) => Promise<Response>;
