import type { MessageType, RaftMessage } from "@mswarm/raft";
import { raftMessageCodec, type raftpb } from "@mswarm/wire";
import fc from "fast-check";
import { expect, test } from "vitest";
import { messageFromWire, messageToWire, sizeOfMessage } from "./raft-message-codec.ts";

const raftId = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String);
const index = fc.oneof(fc.nat(), fc.constantFrom(0, Number.MAX_SAFE_INTEGER));
const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));

const entry = fc.record({
  type: fc.constantFrom("normal" as const, "conf-change" as const),
  term: index,
  index,
  data: fc.option(bytes, { nil: undefined }),
});

const types: readonly MessageType[] = ["app", "app-resp", "vote", "pre-vote-resp", "heartbeat", "timeout-now", "prop"];
const fields = {
  to: raftId,
  from: raftId,
  term: index,
  logTerm: index,
  index,
  entries: fc.array(entry, { maxLength: 5 }),
  commit: index,
  reject: fc.boolean(),
  rejectHint: index,
};
const context = fc.uint8Array({ minLength: 1, maxLength: 20 }).map((array) => Buffer.from(array));
const snapshot = fc.record({
  meta: fc.record({ index, term: index, voters: fc.array(raftId, { maxLength: 5 }) }),
  data: bytes,
});
const message: fc.Arbitrary<RaftMessage> = fc.oneof(
  fc.record({ type: fc.constantFrom(...types), ...fields }),
  fc.record({ type: fc.constantFrom(...types), ...fields, context }),
  fc.record({ type: fc.constant("snap" as const), ...fields, snapshot }),
);

const overTheWire = (sent: RaftMessage) =>
  messageFromWire(raftMessageCodec.decode(raftMessageCodec.encode(messageToWire(sent))));

test("every message arrives as it was sent", () => {
  fc.assert(
    fc.property(message, (sent) => {
      expect(overTheWire(sent)).toEqual(sent);
    }),
  );
});

test("the size of a message is not underestimated", () => {
  fc.assert(
    fc.property(message, (sent) => {
      expect(sizeOfMessage(sent)).toBeGreaterThanOrEqual(raftMessageCodec.encode(messageToWire(sent)).length);
    }),
  );
});

const heartbeat: RaftMessage = {
  type: "heartbeat",
  to: "9223372036854775809",
  from: "18446744073709551615",
  term: 3,
  logTerm: 0,
  index: 0,
  entries: [],
  commit: 7,
  reject: false,
  rejectHint: 0,
};

test("the empty entry of a new leader has no data on the wire", () => {
  const sent = {
    ...heartbeat,
    type: "app",
    entries: [{ type: "normal", term: 2, index: 5, data: undefined }],
  } as const;
  const wire = raftMessageCodec.decode(raftMessageCodec.encode(messageToWire(sent)));
  expect(Object.keys(wire.entries?.[0] ?? {})).not.toContain("Data");
});

test("the empty snapshot that Docker 20.10 puts into every message is left out", () => {
  const wire: raftpb.Message = {
    ...messageToWire(heartbeat),
    snapshot: { metadata: { confState: {}, index: "0", term: "0" } },
  };
  expect(messageFromWire(wire)).toEqual(heartbeat);
});

test("numbers that JavaScript cannot count are refused instead of being rounded", () => {
  const wire = messageToWire(heartbeat);
  expect(() => messageFromWire({ ...wire, term: "9007199254740993" })).toThrow("term 9007199254740993 is out of range");
  expect(() => messageFromWire({ ...wire, type: "MsgApp", entries: [{ Index: "18446744073709551615" }] })).toThrow(
    "entry index 18446744073709551615 is out of range",
  );
});

test("kinds of messages that members do not send each other are not understood", () => {
  expect(messageFromWire({ type: "MsgHup" })).toBeUndefined();
  expect(messageFromWire({ type: "MsgStorageAppend" })).toBeUndefined();
  expect(messageFromWire({})).toBeUndefined();
  expect(() => messageFromWire({ type: "MsgApp", entries: [{ Type: "EntryConfChangeV2" }] })).toThrow(
    /joint membership/,
  );
});
