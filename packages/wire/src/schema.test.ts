import { readFileSync } from "node:fs";
import { fromJSON } from "@grpc/proto-loader";
import { expect, test } from "vitest";
import { internalRaftRequestCodec, raftEntryCodec, raftMessageCodec } from "./codecs.ts";
import { schemaJson } from "./generated/schema-json.ts";
import { loaderOptions } from "./schema.ts";
import { serviceNames, serviceOf } from "./services.ts";

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

test("every method is what proto-loader would make of it", () => {
  const loaded = fromJSON(JSON.parse(schemaJson), loaderOptions);
  const theirs = Object.entries(loaded).filter(([, definition]) => !("format" in definition));
  expect(serviceNames.toSorted()).toEqual(theirs.map(([name]) => name).sort());
  expect(theirs.length).toBeGreaterThan(10);
  for (const name of serviceNames) {
    const ours = serviceOf(name);
    const definition = loaded[name] as typeof ours;
    expect(Object.keys(ours)).toEqual(Object.keys(definition));
    for (const [method, their] of Object.entries(definition)) {
      const our = ours[method];
      const { path, requestStream, responseStream } = their;
      expect(our).toMatchObject({ path, requestStream, responseStream });
      const bytes = Buffer.from(their.requestSerialize({}));
      expect(our?.requestSerialize({})).toEqual(bytes);
      expect(our?.responseDeserialize(Buffer.alloc(0))).toEqual(their.responseDeserialize(Buffer.alloc(0)));
    }
  }
});
