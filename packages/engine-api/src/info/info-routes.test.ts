import { unknownError } from "@mswarm/runtime";
import type { Node } from "@mswarm/wire";
import { expect, test } from "vitest";
import type { ControlClient, NodeState } from "../routing/face-context.ts";
import { refusingControl } from "../testing/refusing-control.ts";
import { scriptedEngine } from "../testing/scripted-engine.ts";
import { aloneState, bodyOf, startTestFace } from "../testing/test-face.ts";
import { infoRoutes } from "./info-routes.ts";

const engineInfo = { ID: "E", Swarm: { LocalNodeState: "inactive" }, NCPU: 2, Warnings: null };

async function infoOf(
  state: Partial<NodeState>,
  control: Partial<ControlClient> = {},
): Promise<Record<string, unknown>> {
  const face = await startTestFace(infoRoutes, {
    engine: scriptedEngine({ "/info": engineInfo, "/version": {} }),
    context: {
      nodeState: () => ({ ...aloneState, ...state }),
      control: async () => ({ ...refusingControl(), ...control }),
    },
  });
  return JSON.parse(await bodyOf(face, "GET /v1.41/info")) as Record<string, unknown>;
}

const manager = { kind: "active", nodeId: "n1", nodeAddress: "192.0.2.1", isManager: true } as const;
const withManagers = (count: number): Partial<ControlClient> => ({
  ListClusters: async () => ({ clusters: [{ id: "c1", spec: { annotations: { name: "default" } } }] }),
  ListNodes: async () => ({
    nodes: [...Array.from({ length: count }, (): Node => ({ managerStatus: {} })), { id: "w1" }],
  }),
});

test("what the engine says stays, its swarm part is ours", async () => {
  expect(await infoOf({})).toEqual({
    ...engineInfo,
    Swarm: {
      NodeID: "",
      NodeAddr: "",
      LocalNodeState: "inactive",
      ControlAvailable: false,
      Error: "",
      RemoteManagers: null,
    },
  });
});

test("a worker knows its managers, and nothing of the cluster", async () => {
  const remoteManagers = [{ nodeId: "m1", address: "192.0.2.9:2377" }];
  const { Swarm } = await infoOf({ ...manager, isManager: false, remoteManagers });
  expect(Swarm).toEqual({
    NodeID: "n1",
    NodeAddr: "192.0.2.1",
    LocalNodeState: "active",
    ControlAvailable: false,
    Error: "",
    RemoteManagers: [{ NodeID: "m1", Addr: "192.0.2.9:2377" }],
  });
});

test("a manager counts the nodes and shows the cluster without its tokens", async () => {
  const { Swarm, Warnings } = await infoOf(manager, withManagers(3));
  expect(Swarm).toMatchObject({ ControlAvailable: true, Nodes: 4, Managers: 3, Cluster: { ID: "c1" } });
  expect(JSON.stringify(Swarm)).not.toContain("JoinTokens");
  expect(Warnings).toBeNull();
});

test("two managers are warned of", async () => {
  const { Warnings } = await infoOf(manager, withManagers(2));
  expect(Warnings).toEqual([expect.stringContaining("two-manager configuration")]);
});

test("without a leader the rest is still told, and why the cluster is missing", async () => {
  const noLeader = (): Promise<never> => Promise.reject(unknownError("The swarm does not have a leader."));
  const { Swarm } = await infoOf(manager, { ListClusters: noLeader, ListNodes: noLeader });
  expect(Swarm).toMatchObject({
    LocalNodeState: "active",
    Error: "rpc error: code = Unknown desc = The swarm does not have a leader.",
  });
  expect(Swarm).not.toHaveProperty("Cluster");
});

test("a node that cannot take part says why", async () => {
  const { Swarm } = await infoOf({ ...manager, kind: "error", isManager: false, error: "certificates have expired" });
  expect(Swarm).toMatchObject({ LocalNodeState: "error", Error: "certificates have expired" });
});
