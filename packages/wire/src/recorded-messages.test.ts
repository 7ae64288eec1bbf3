// Messages of a real Docker Engine survive us unchanged. How they were recorded: test/compatibility/recording.
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { confChangeCodec, internalRaftRequestCodec, raftMemberCodec, snapshotCodec } from "./codecs.ts";
import type { ListServicesResponse, ListTasksResponse, StreamRaftMessageRequest } from "./generated/swarmkit.ts";
import { codecOf, requestFieldCounter } from "./schema.ts";

interface Recorded {
  readonly name: string;
  readonly type: string;
  readonly bytes: Buffer;
}

const folder = new URL("../../../test/compatibility/fixtures/docker-20.10.24/", import.meta.url);
const files = readdirSync(folder).filter((file) => file.endsWith(".json"));

function recordedIn(file: string): Recorded[] {
  const list = JSON.parse(readFileSync(new URL(file, folder), "utf8")) as Record<"name" | "type" | "base64", string>[];
  return list.map(({ name, type, base64 }) => ({ name, type, bytes: Buffer.from(base64, "base64") }));
}

function recorded<T extends object>(file: string, type: string): T[] {
  const same = recordedIn(file).filter((message) => message.type === `docker.swarmkit.v1.${type}`);
  return same.map(({ bytes }) => codecOf<T>(`docker.swarmkit.v1.${type}`).decode(bytes));
}

const raftMessages = recorded<StreamRaftMessageRequest>("raft.json", "StreamRaftMessageRequest").map(
  ({ message = {} }) => message,
);
const entries = raftMessages.flatMap((message) => message.entries ?? []);
const ofType = (type: string) => entries.filter((entry) => entry.Type === type && entry.Data !== undefined);
const requests = ofType("EntryNormal").map((entry) => entry.Data ?? Buffer.alloc(0));
const changes = ofType("EntryConfChange").map((entry) => entry.Data ?? Buffer.alloc(0));
const snapshots = raftMessages.flatMap(({ snapshot }) => snapshot?.data ?? []);

/** Everything that was recorded, and the messages that Docker had put into others as bytes. */
const all: readonly Recorded[] = [
  ...files.flatMap(recordedIn),
  ...requests.map((bytes) => ({ name: "log entry", type: "docker.swarmkit.v1.InternalRaftRequest", bytes })),
  ...changes.map((bytes) => ({ name: "change of members", type: "raftpb.ConfChange", bytes })),
  ...changes.map((bytes) => ({
    name: "new member",
    type: "docker.swarmkit.v1.RaftMember",
    bytes: confChangeCodec.decode(bytes).context ?? Buffer.alloc(0),
  })),
  ...snapshots.map((bytes) => ({ name: "snapshot", type: "docker.swarmkit.v1.Snapshot", bytes })),
];

type Canonical = string | readonly (readonly [tag: number, value: Canonical])[];

/**
 * The fields that stand in the bytes, sorted, without any knowledge of a schema: the order of fields and of map
 * entries means nothing (Go writes some members of a oneof out of line). Bytes that read as a message count as one.
 */
function canonical(bytes: Buffer): Canonical {
  const fields: [number, Canonical][] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined || shift > 63n) throw new RangeError("not a varint");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number): Buffer => {
    if (at + length > bytes.length) throw new RangeError("beyond the end");
    at += length;
    return bytes.subarray(at - length, at);
  };
  try {
    while (at < bytes.length) {
      const tag = Number(varint());
      if (tag < 8) throw new RangeError("no field has the number 0");
      const wireType = tag & 7;
      if (wireType === 0) fields.push([tag, varint().toString()]);
      else if (wireType === 1) fields.push([tag, take(8).toString("hex")]);
      else if (wireType === 5) fields.push([tag, take(4).toString("hex")]);
      else if (wireType === 2) fields.push([tag, canonical(take(Number(varint())))]);
      else throw new RangeError("not a wire type of proto3");
    }
  } catch {
    return bytes.toString("hex");
  }
  const keyed = fields.map((field) => [JSON.stringify(field), field] as const);
  return keyed.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, field]) => field);
}

describe("what Docker 20.10.24 sent", () => {
  test("covers the objects, the log and a snapshot", () => {
    expect(new Set(all.map(({ type }) => type)).size).toBeGreaterThanOrEqual(18);
    expect(requests.length).toBeGreaterThan(50);
    expect(changes.length).toBeGreaterThanOrEqual(2);
    expect(snapshots).toHaveLength(1);
  });

  test.each(all)("$name ($type) comes out of our codec with every field it had, and no other", ({ type, bytes }) => {
    const codec = codecOf(type);
    const decoded = codec.decode(bytes);
    const again = codec.encode(decoded);
    expect(again).toHaveLength(bytes.length);
    expect(canonical(again)).toEqual(canonical(bytes));
    expect(codec.decode(again)).toEqual(decoded);
  });

  test("decodes to names we know: no enum is left as a number", () => {
    const numbers = (value: unknown, path: string): string[] => {
      if (typeof value === "number") return [path];
      if (typeof value !== "object" || value === null || Buffer.isBuffer(value)) return [];
      return Object.entries(value).flatMap(([key, member]) => numbers(member, `${path}.${key}`));
    };
    // 32-bit numbers are numbers; every other number would be an enum value without a name.
    const plain =
      /\.(nanos|targetPort|publishedPort|mode|pid|exitCode|retries|VXLANUDPPort|subnetSize|heartbeatTick|electionTick|maxFailureRatio)$/;
    const unnamed = all.flatMap(({ type, bytes }) => numbers(codecOf(type).decode(bytes), type));
    expect(unnamed.filter((path) => !plain.test(path))).toEqual([]);
  });
});

describe("presence on which Go peers rely", () => {
  const services = recorded<ListServicesResponse>("control.json", "ListServicesResponse")[0]?.services ?? [];
  const tasks = recorded<ListTasksResponse>("control.json", "ListTasksResponse")[0]?.tasks ?? [];
  const named = (name: string) => services.find((service) => service.spec?.annotations?.name === name);

  test("a new service has an empty spec version and no update status", () => {
    const plain = named("everywhere");
    expect(plain?.specVersion).toEqual({});
    expect(plain?.previousSpec).toBeUndefined();
    expect(plain?.updateStatus).toBeUndefined();
  });

  test("a replicated service with default replicas and a global one differ by an empty message", () => {
    expect(named("everywhere")?.spec?.global).toEqual({});
    expect(named("everywhere")?.spec?.replicated).toBeUndefined();
  });

  test("an update keeps one older spec, and stamps the version it replaced", () => {
    const full = named("full");
    expect(full?.previousSpecVersion).toEqual({});
    expect(full?.previousSpec?.task?.container?.env?.toSorted()).toEqual(["A=1", "EMPTY="]);
    // The docker CLI keeps no order.
    expect(full?.spec?.task?.container?.env?.toSorted()).toEqual(["A=1", "B=2", "EMPTY="]);
    expect(BigInt(full?.specVersion?.index ?? 0)).toBeLessThan(BigInt(full?.meta?.version?.index ?? 0));
  });

  test("a task carries empty annotations of its own beside those of its service", () => {
    expect(tasks.every((task) => task.annotations !== undefined && task.status !== undefined)).toBe(true);
    expect(tasks.every((task) => task.endpoint?.spec !== undefined)).toBe(true);
    expect(new Set(tasks.map((task) => task.serviceAnnotations?.name))).toContain("batch-everywhere");
  });

  test("the leader's empty entry has no data, and the log starts with the first manager", () => {
    const [first, second] = entries.toSorted((a, b) => Number(a.Index) - Number(b.Index));
    expect(first).toMatchObject({ Type: "EntryConfChange", Term: "1", Index: "1" });
    expect(Object.keys(second ?? {}).sort()).toEqual(["Index", "Term", "Type"]);
    expect(confChangeCodec.decode(first?.Data ?? Buffer.alloc(0))).toMatchObject({ type: "ConfChangeAddNode" });
  });

  test("a member in the log has a status message, although nothing is in it", () => {
    const members = changes.map((bytes) => raftMemberCodec.decode(confChangeCodec.decode(bytes).context ?? bytes));
    expect(members.map(({ status }) => status)).toEqual(members.map(() => ({})));
  });

  test("every Raft message says all of its numbers, zeros too, and holds a snapshot message", () => {
    for (const message of raftMessages) {
      expect(message).toMatchObject({ snapshot: { metadata: { confState: {} } }, reject: false, rejectHint: "0" });
    }
  });

  test("objects in the log carry their final version, which is older than their entry", () => {
    const withData = entries.filter((entry) => entry.Type === "EntryNormal" && entry.Data !== undefined);
    for (const entry of withData) {
      for (const action of internalRaftRequestCodec.decode(entry.Data ?? Buffer.alloc(0)).action ?? []) {
        const object = action.task ?? action.service ?? action.node ?? action.cluster;
        if (object === undefined) continue;
        expect(BigInt(object.meta?.version?.index ?? 0)).toBeLessThan(BigInt(entry.Index ?? 0));
      }
    }
  });

  test("a snapshot names members and objects, with version 0 left out", () => {
    const snapshot = snapshotCodec.decode(snapshots[0] ?? Buffer.alloc(0));
    expect(snapshot.version).toBeUndefined();
    expect(snapshot.membership?.members?.length).toBeGreaterThanOrEqual(2);
    expect(snapshot.store?.clusters).toHaveLength(1);
  });
});

test("the fields of what Docker encodes can be counted: nothing of it is taken for damaged", () => {
  const count = requestFieldCounter("docker.swarmkit.v1.Raft", "StreamRaftMessage");
  const sent = recordedIn("raft.json").filter(({ type }) => type.endsWith(".StreamRaftMessageRequest"));
  expect(sent.length).toBeGreaterThan(5);
  for (const { bytes } of sent) {
    const fields = count(bytes, 1_000) ?? 0;
    expect(fields).toBeGreaterThan(5);
    expect(fields).toBeLessThan(bytes.length);
  }
});
