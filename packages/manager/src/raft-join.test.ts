import { MemoryLogStore, memoryDisk } from "@mswarm/raft";
import { failedPrecondition, invalidArgument, permissionDenied, unavailable, unknownError } from "@mswarm/runtime";
import { expect, test } from "vitest";
import { isAdmissionRefusal, loadedLog } from "./raft-join.ts";

test.each([
  [permissionDenied("node x is not a manager of this cluster"), true],
  [invalidArgument("invalid address x in raft join request"), true],
  [failedPrecondition("node x runs Docker Engine: managers of Docker and of mswarm cannot share a quorum yet"), true],
  [failedPrecondition("raft: node is not yet part of a raft cluster"), false],
  [failedPrecondition("raft: failed to process the request: node lost leader status"), false],
  [failedPrecondition("raft: member cannot be removed, because removing it may result in loss of quorum"), false],
  [failedPrecondition("this manager leads: leadership is being handed over, ask again"), false],
  [unknownError("could not connect to prospective new cluster member using its advertised address: refused"), false],
  [unavailable("connection refused"), false],
])("%s is a refusal: %s", (error, isRefusal) => {
  expect(isAdmissionRefusal(error)).toBe(isRefusal);
});

const self = { raftId: "7", nodeId: "n", address: "10.0.0.1:2377" };

test("a log that holds a reserved id and nothing else has not been taken part with", async () => {
  const disk = { ...memoryDisk(), identity: { self, members: [] } };
  const loaded = await loadedLog(new MemoryLogStore(disk));
  expect(loaded).toMatchObject({ hasLog: false, raftId: "7", nodeId: "n" });
  // The leader's answer may name another id: the reservation must not stand in its way.
  expect((await loaded.store.load()).identity).toBeUndefined();
});

test.each([
  ["a vote", { hardState: { term: 1, vote: "1", commit: 0 } }],
  ["an entry", { entries: [{ term: 1, index: 1, type: "normal" as const, data: undefined }] }],
])("a log with %s goes on under its id", async (_what, more) => {
  const disk = { ...memoryDisk(), identity: { self, members: [] }, ...more };
  const loaded = await loadedLog(new MemoryLogStore(disk));
  expect(loaded).toMatchObject({ hasLog: true, raftId: "7" });
  expect((await loaded.store.load()).identity?.self).toEqual(self);
});

test("an empty log belongs to nobody", async () => {
  expect(await loadedLog(new MemoryLogStore())).toMatchObject({ hasLog: false, raftId: "0", nodeId: undefined });
});
