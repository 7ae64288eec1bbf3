import { snapshotCodec } from "@mswarm/wire";
import { expect, test } from "vitest";
import { decodeSnapshot, encodeSnapshot } from "./snapshot-codec.ts";

const membership = {
  members: [{ raftId: "9223372036854775809", nodeId: "node", address: "10.0.0.1:2377" }],
  removed: ["7", "18446744073709551615"],
};

const noPause = (): undefined => undefined;

test("a snapshot in slices is the wire's message, every list in it, with a pause after each slice", async () => {
  const ids = (letter: string, count: number) =>
    Array.from({ length: count }, (_unused, at) => ({ id: `${letter}${at}` }));
  const store = {
    nodes: ids("n", 1),
    services: ids("v", 2),
    networks: ids("w", 3),
    tasks: ids("t", 1_001),
    clusters: ids("c", 1),
    secrets: ids("s", 400),
    resources: ids("r", 4),
    extensions: ids("e", 5),
    configs: ids("f", 6),
    volumes: ids("u", 7),
  };
  let pauses = 0;
  const bytes = await encodeSnapshot({ membership, store }, async () => {
    pauses += 1;
  });
  expect(pauses).toBe(21 + 8 + 8);
  const members = membership.members.map(({ address, ...rest }) => ({ ...rest, addr: address, status: {} }));
  const whole: Parameters<typeof snapshotCodec.encode>[0] = {
    version: "V0",
    membership: { members, removed: [...membership.removed] },
    store,
  };
  expect(bytes.equals(snapshotCodec.encode(whole))).toBe(true);
});

test("membership and store are found again", async () => {
  const store = { nodes: [{ id: "n1" }], secrets: [{ id: "s1", spec: { data: Buffer.from("x") } }] };
  const state = decodeSnapshot(await encodeSnapshot({ membership, store }, noPause));
  expect(state.membership).toEqual(membership);
  expect(state.store.nodes?.[0]?.id).toBe("n1");
  expect(state.store.secrets?.[0]?.spec?.data).toEqual(Buffer.from("x"));
});

test("an empty snapshot is an empty cluster", () => {
  expect(decodeSnapshot(Buffer.alloc(0))).toEqual({ membership: { members: [], removed: [] }, store: {} });
});

test("membership and store are present even when empty, as Go writes them", async () => {
  const wire = snapshotCodec.decode(
    await encodeSnapshot({ membership: { members: [], removed: [] }, store: {} }, noPause),
  );
  expect(wire.membership).toBeDefined();
  expect(wire.store).toBeDefined();
});

test("another version and other bytes are refused", () => {
  // Field 1 (version) as a varint of value 9.
  expect(() => decodeSnapshot(Buffer.of(0x08, 0x09))).toThrow("unrecognized snapshot version 9");
  expect(() => decodeSnapshot(Buffer.of(0x12, 0xff))).toThrow("raft: the snapshot cannot be decoded");
});
