// A control surface over a store that commits at once, with members that a test may choose.
import type { Call } from "@mswarm/rpc";
import { SeededRandom, SimulatedClock } from "@mswarm/runtime/simulated";
import type { Store, StoredObject, Table } from "@mswarm/store";
import { leadingStore } from "@mswarm/store/testing";
import { type ControlOperations, controlOperations } from "../control.ts";
import type { ControlParts, MembershipView } from "../control-parts.ts";

/** A call from the local socket. */
export const localCall: Call = {
  caller: { identity: undefined, remoteAddress: "", forwarder: undefined, isLocal: true },
  signal: new AbortController().signal,
  deadline: undefined,
  user: undefined,
};

/** Members by node id; all reachable and removable. The first one leads. */
export function membersNamed(...nodeIds: readonly string[]): MembershipView {
  const members = nodeIds.map((nodeId, position) => ({
    raftId: String(position + 1),
    nodeId,
    address: `10.0.0.${position + 1}:2377`,
  }));
  return {
    members: () => members,
    leaderRaftId: () => members[0]?.raftId,
    canRemove: () => true,
    reachability: () => "REACHABLE",
  };
}

export interface ControlFixture {
  readonly control: ControlOperations;
  readonly store: Store;
  readonly clock: SimulatedClock;
  /** Puts an object into the store as it is. */
  put<T extends StoredObject>(table: Table<T>, object: T): Promise<T>;
}

export function controlFixture(parts: Partial<ControlParts> = {}): ControlFixture {
  const clock = new SimulatedClock();
  const random = new SeededRandom(7);
  const store = leadingStore({ clock, random });
  const control = controlOperations({
    store,
    clock,
    random,
    membership: membersNamed(),
    isTaskDirty: () => false,
    isMswarmNode: () => true,
    ...parts,
  });
  return { control, store, clock, put: (table, object) => store.update((tx) => tx.create(table, object)) };
}
