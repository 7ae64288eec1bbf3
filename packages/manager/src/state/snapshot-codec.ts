// The payload of Raft snapshots: docker.swarmkit.v1.Snapshot, byte for byte what Docker managers send and take.
import type { ClusterMembership } from "@mswarm/raft";
import { dataLoss } from "@mswarm/runtime";
import { type StoreSnapshot, snapshotCodec } from "@mswarm/wire";

export interface ClusterState {
  readonly membership: ClusterMembership;
  readonly store: StoreSnapshot;
}

export function encodeSnapshot({ membership, store }: ClusterState): Buffer {
  const members = membership.members.map(({ raftId, nodeId, address }) => ({
    raftId,
    nodeId,
    addr: address,
    status: {},
  }));
  return snapshotCodec.encode({ version: "V0", membership: { members, removed: [...membership.removed] }, store });
}

/** Errors: DATA_LOSS for another version or for bytes that are no snapshot. */
export function decodeSnapshot(data: Buffer): ClusterState {
  const snapshot = decode(data);
  const version: string | number = snapshot.version ?? "V0";
  if (version !== "V0") throw dataLoss(`unrecognized snapshot version ${version}`);
  const { members = [], removed = [] } = snapshot.membership ?? {};
  return {
    membership: {
      members: members.map(({ raftId = "0", nodeId = "", addr = "" }) => ({ raftId, nodeId, address: addr })),
      removed,
    },
    store: snapshot.store ?? {},
  };
}

function decode(data: Buffer): ReturnType<typeof snapshotCodec.decode> {
  try {
    return snapshotCodec.decode(data);
  } catch (cause) {
    throw dataLoss("raft: the snapshot cannot be decoded", { cause });
  }
}
