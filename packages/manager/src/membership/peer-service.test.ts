import type { Call } from "@mswarm/rpc";
import { expect, test } from "vitest";
import { peerService } from "./peer-service.ts";

const callOf = (nodeId: string | undefined, isLocal = false): Call => ({
  caller: {
    identity: nodeId === undefined ? undefined : { nodeId, role: "swarm-worker", clusterId: "c" },
    remoteAddress: "192.0.2.1:1",
    forwarder: undefined,
    isLocal,
  },
  signal: new AbortController().signal,
  deadline: undefined,
  user: undefined,
});

function bench() {
  const greetings: [string, string | undefined][] = [];
  const left: [string, string | undefined][] = [];
  const service = peerService({
    version: "1.2.3",
    nodeId: "manager",
    instance: "i1",
    raftId: () => "42",
    greeted: (nodeId, { instance }) => void greetings.push([nodeId, instance]),
    retractJoin: async (nodeId) => void left.push([nodeId, "join"]),
    announceLeave: async (nodeId, sessionId) => void left.push([nodeId, sessionId]),
  });
  return { service, left, greetings };
}

test("a manager says its version, and its raft id while it has its log", async () => {
  const { service } = bench();
  expect(await service.Hello({ version: "1.0.0" }, callOf("other"))).toEqual({
    version: "1.2.3",
    raftId: "42",
    instance: "i1",
  });
});

test("only managers are taken for managers when they greet", async () => {
  const { service, greetings } = bench();
  const manager = callOf("m2");
  const identity = { nodeId: "m2", role: "swarm-manager", clusterId: "c" } as const;
  await service.Hello({ instance: "i2" }, { ...manager, caller: { ...manager.caller, identity } });
  await service.Hello({ instance: "i3" }, callOf("worker"));
  await service.Hello({ instance: "i4" }, callOf(undefined, true));
  expect(greetings).toEqual([["m2", "i2"]]);
});

test("a node can take back its own join only", async () => {
  const { service, left } = bench();
  await service.RetractJoin({}, callOf("joiner"));
  expect(left).toEqual([["joiner", "join"]]);
  await expect(service.RetractJoin({}, callOf(undefined, true))).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
});

test("a node can announce its own leave only", async () => {
  const { service, left } = bench();
  await service.AnnounceLeave({ sessionId: "s1" }, callOf("worker"));
  await service.AnnounceLeave({ sessionId: "s2" }, callOf(undefined, true));
  expect(left).toEqual([
    ["worker", "s1"],
    ["manager", "s2"],
  ]);
  await expect(service.AnnounceLeave({ sessionId: "s1" }, callOf(undefined))).rejects.toMatchObject({
    code: "PERMISSION_DENIED",
  });
});
