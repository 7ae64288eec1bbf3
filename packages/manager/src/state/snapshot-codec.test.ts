import { snapshotCodec } from "@mswarm/wire";
import { expect, test } from "vitest";
import { decodeSnapshot, encodeSnapshot } from "./snapshot-codec.ts";

const membership = {
  members: [{ raftId: "9223372036854775809", nodeId: "node", address: "10.0.0.1:2377" }],
  removed: ["7", "18446744073709551615"],
};

test("membership and store are found again", () => {
  const store = { nodes: [{ id: "n1" }], secrets: [{ id: "s1", spec: { data: Buffer.from("x") } }] };
  const state = decodeSnapshot(encodeSnapshot({ membership, store }));
  expect(state.membership).toEqual(membership);
  expect(state.store.nodes?.[0]?.id).toBe("n1");
  expect(state.store.secrets?.[0]?.spec?.data).toEqual(Buffer.from("x"));
});

test("an empty snapshot is an empty cluster", () => {
  expect(decodeSnapshot(Buffer.alloc(0))).toEqual({ membership: { members: [], removed: [] }, store: {} });
});

test("membership and store are present even when empty, as Go writes them", () => {
  const wire = snapshotCodec.decode(encodeSnapshot({ membership: { members: [], removed: [] }, store: {} }));
  expect(wire.membership).toBeDefined();
  expect(wire.store).toBeDefined();
});

test("another version and other bytes are refused", () => {
  // Field 1 (version) as a varint of value 9.
  expect(() => decodeSnapshot(Buffer.of(0x08, 0x09))).toThrow("unrecognized snapshot version 9");
  expect(() => decodeSnapshot(Buffer.of(0x12, 0xff))).toThrow("raft: the snapshot cannot be decoded");
});
