// The payload of Raft snapshots: docker.swarmkit.v1.Snapshot, byte for byte what Docker managers send and take.
import type { ClusterMembership } from "@mswarm/raft";
import { dataLoss } from "@mswarm/runtime";
import { type StoreSnapshot, snapshotCodec, storeSnapshotCodec } from "@mswarm/wire";

export interface ClusterState {
  readonly membership: ClusterMembership;
  readonly store: StoreSnapshot;
}

/** In the order of the wire's fields. */
const lists: readonly (keyof StoreSnapshot)[] = [
  "nodes",
  "services",
  "networks",
  "tasks",
  "clusters",
  "secrets",
  "resources",
  "extensions",
  "configs",
  "volumes",
];
const sliceLength = 50;
/** Number and kind of the field `store` in the wire's Snapshot. */
const storeTag = 0x1a;

/**
 * Encodes a state, which must not change meanwhile, in slices: a large cluster's takes hundreds of milliseconds, in
 * which heartbeats and Raft would wait.
 *
 * @param pause  awaited between two slices
 */
export async function encodeSnapshot(
  { membership, store }: ClusterState,
  pause: () => Promise<void> | undefined,
): Promise<Buffer> {
  const members = membership.members.map(({ raftId, nodeId, address }) => ({
    raftId,
    nodeId,
    addr: address,
    status: {},
  }));
  const head = snapshotCodec.encode({ version: "V0", membership: { members, removed: [...membership.removed] } });
  const slices: Buffer[] = [];
  for (const list of lists) {
    const objects = store[list] ?? [];
    for (let at = 0; at < objects.length; at += sliceLength) {
      slices.push(storeSnapshotCodec.encode({ [list]: objects.slice(at, at + sliceLength) }));
      await pause();
    }
  }
  const length = slices.reduce((sum, slice) => sum + slice.length, 0);
  return Buffer.concat([head, Buffer.of(storeTag), varint(length), ...slices]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 0x80; left = Math.floor(left / 0x80)) bytes.push((left % 0x80) | 0x80);
  return Buffer.from([...bytes, left]);
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
