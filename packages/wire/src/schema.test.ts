import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { internalRaftRequestCodec, raftEntryCodec, raftMessageCodec } from "./codecs.ts";
import { loaderOptions } from "./schema.ts";
import { serviceOf } from "./services.ts";

test("absent stays absent, so that a Go peer sees no empty message where there was none", () => {
  const bytes = internalRaftRequestCodec.encode({ action: [{ action: "STORE_ACTION_CREATE", task: { id: "t" } }] });
  const task = internalRaftRequestCodec.decode(bytes).action?.[0]?.task;
  expect(task).toEqual({ id: "t" });
});

test("the empty entry of a new leader has no data field", () => {
  const entry = raftEntryCodec.decode(raftEntryCodec.encode({ Type: "EntryNormal", Term: "2", Index: "7" }));
  expect(entry).toEqual({ Type: "EntryNormal", Term: "2", Index: "7" });
  expect("Data" in entry).toBe(false);
});

test("64-bit numbers beyond 2^53 survive", () => {
  const message = { type: "MsgApp", to: "9223372036854775807", from: "18446744073709551615" } as const;
  expect(raftMessageCodec.decode(raftMessageCodec.encode(message))).toEqual(message);
});

test("an unknown enum number is kept as a number and not as another value", () => {
  // Field 1 (type) with value 99.
  const decoded = raftMessageCodec.decode(Buffer.from([0x08, 99]));
  expect(decoded.type).toBe(99);
});

test("bytes that are not the message are refused", () => {
  expect(() => internalRaftRequestCodec.decode(Buffer.from([0xff, 0xff]))).toThrow();
});

test("types are generated with the options they are loaded with", () => {
  const generator = readFileSync(new URL("../../../scripts/generate-wire-types.mjs", import.meta.url), "utf8");
  expect(loaderOptions).toEqual({ longs: String, enums: String, oneofs: true });
  for (const flag of ["--longs=String", "--enums=String", "--oneofs"]) expect(generator).toContain(flag);
  for (const flag of ["--defaults", "--keepCase", "--bytes"]) expect(generator).not.toContain(flag);
});

test("services are found by their full names only", () => {
  expect(Object.keys(serviceOf("docker.swarmkit.v1.CA"))).toEqual(["GetRootCACertificate", "GetUnlockKey"]);
});
