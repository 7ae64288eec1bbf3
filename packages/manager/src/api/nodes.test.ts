import { testAuthority } from "@mswarm/pki/testing";
import { hours, timestampOf, wireTimestamp } from "@mswarm/runtime";
import { SimulatedClock } from "@mswarm/runtime/simulated";
import { clusters, nodes, tasks } from "@mswarm/store";
import type { Node, NodeSpec } from "@mswarm/wire";
import { expect, test } from "vitest";
import { type ControlFixture, controlFixture, localCall, membersNamed } from "./testing/control-fixture.ts";

const manager = (id: string): Node => ({ id, role: "MANAGER", spec: { desiredRole: "MANAGER" } });

const setSpec = async ({ control, store }: ControlFixture, nodeId: string, spec: NodeSpec): Promise<Node> => {
  const nodeVersion = store.view((tx) => tx.get(nodes, nodeId)?.meta?.version) ?? {};
  return (await control.UpdateNode({ nodeId, nodeVersion, spec }, localCall)).node ?? {};
};

test("the status of managers comes from the members, not from the store", async () => {
  const { control, put } = controlFixture({ membership: membersNamed("m1", "m2") });
  await put(nodes, manager("m1"));
  await put(nodes, manager("m2"));
  await put(nodes, { id: "w", managerStatus: { raftId: "9", leader: true } });
  const { node } = await control.GetNode({ nodeId: "m2" }, localCall);
  expect(node?.managerStatus).toEqual({ raftId: "2", addr: "10.0.0.2:2377", leader: false, reachability: "REACHABLE" });
  const listed = (await control.ListNodes({}, localCall)).nodes ?? [];
  expect(listed.map((each) => each.managerStatus?.leader)).toEqual([true, false, undefined]);
});

test("the last manager is not demoted", async () => {
  const fixture = controlFixture({ membership: membersNamed("m1") });
  await fixture.put(nodes, manager("m1"));
  await expect(setSpec(fixture, "m1", { desiredRole: "WORKER" })).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    message: "attempting to demote the last manager of the swarm",
  });
});

test("a demotion needs a member whose removal leaves a quorum", async () => {
  const fixture = controlFixture({ membership: { ...membersNamed("m1", "m2"), canRemove: (id) => id === "1" } });
  for (const id of ["m1", "m2", "m3"]) await fixture.put(nodes, manager(id));
  await expect(setSpec(fixture, "m3", {})).rejects.toMatchObject({
    code: "NOT_FOUND",
    message: "can't find manager in raft memberlist",
  });
  await expect(setSpec(fixture, "m2", {})).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    message: "can't remove member from the raft: this would result in a loss of quorum",
  });
  const { role, spec } = await setSpec(fixture, "m1", { desiredRole: "WORKER" });
  expect({ role, desired: spec?.desiredRole }).toEqual({ role: "MANAGER", desired: "WORKER" });
});

test("only a node that runs mswarm is promoted", async () => {
  const fixture = controlFixture({ isMswarmNode: ({ id }) => id === "ours" });
  await fixture.put(nodes, { id: "ours" });
  await fixture.put(nodes, { id: "docker" });
  expect((await setSpec(fixture, "ours", { desiredRole: "MANAGER" })).spec?.desiredRole).toBe("MANAGER");
  await expect(setSpec(fixture, "docker", { desiredRole: "MANAGER" })).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    message: expect.stringContaining("does not run mswarm"),
  });
  expect((await setSpec(fixture, "docker", { availability: "DRAIN" })).spec?.availability).toBe("DRAIN");
});

test("requests about nodes must be complete and current", async () => {
  const { control, put } = controlFixture();
  await put(nodes, { id: "n" });
  await expect(control.GetNode({}, localCall)).rejects.toThrow("invalid argument");
  await expect(control.UpdateNode({ nodeId: "n", spec: {} }, localCall)).rejects.toThrow("invalid argument");
  await expect(control.UpdateNode({ nodeId: "n", nodeVersion: {} }, localCall)).rejects.toThrow("invalid argument");
  await expect(control.GetNode({ nodeId: "x" }, localCall)).rejects.toThrow("node x not found");
  await expect(control.UpdateNode({ nodeId: "n", nodeVersion: { index: "99" }, spec: {} }, localCall)).rejects.toThrow(
    "update out of sequence",
  );
});

test("lists of nodes meet all filters", async () => {
  const { control, put } = controlFixture();
  await put(nodes, {
    id: "1",
    role: "MANAGER",
    spec: { membership: "ACCEPTED", annotations: { labels: { zone: "a" } } },
    description: { hostname: "alpha", engine: { labels: { disk: "ssd" } } },
  });
  await put(nodes, { id: "2", description: { hostname: "beta" } });
  await put(nodes, { id: "3" });
  const ids = async (filters: object) =>
    ((await control.ListNodes({ filters }, localCall)).nodes ?? []).map((node) => node.id);
  expect(await ids({})).toEqual(["1", "2", "3"]);
  expect(await ids({ names: ["beta"] })).toEqual(["2"]);
  expect(await ids({ namePrefixes: [""] })).toEqual(["1", "2"]);
  expect(await ids({ idPrefixes: ["3"] })).toEqual(["3"]);
  expect(await ids({ roles: ["WORKER"] })).toEqual(["2", "3"]);
  expect(await ids({ memberships: ["ACCEPTED"] })).toEqual(["1"]);
  expect(await ids({ labels: { disk: "ssd" } })).toEqual(["1"]);
  expect(await ids({ nodeLabels: { zone: "" } })).toEqual(["1"]);
});

test("a removed node's certificate is refused until it ends, its tasks are orphaned, all at once", async () => {
  const clock = new SimulatedClock();
  const { certificatePem, certificate } = await (await testAuthority({ clock })).node({ role: "swarm-worker" });
  const { control, put, store } = controlFixture({ clock });
  const week = hours(7 * 24);
  const long = wireTimestamp((clock.now() - week - 1) as ReturnType<typeof clock.now>);
  await put(clusters, {
    id: "c",
    spec: { annotations: { name: "default" } },
    blacklistedCertificates: { old: { expiry: long }, undated: {} },
  });
  await put(nodes, { id: "n", status: { state: "DOWN" }, certificate: { certificate: Buffer.from(certificatePem) } });
  await put(tasks, { id: "live", nodeId: "n", status: { state: "RUNNING", container: { containerId: "x" } } });
  await put(tasks, { id: "done", nodeId: "n", status: { state: "COMPLETE" } });
  await put(tasks, { id: "elsewhere", nodeId: "m", status: { state: "RUNNING" } });
  const commits: number[] = [];
  store.watch((changes) => commits.push(changes.length));
  await control.RemoveNode({ nodeId: "n" }, localCall);
  expect(commits).toEqual([3]);
  store.view((tx) => {
    const removed = tx.get(clusters, "c")?.blacklistedCertificates ?? {};
    expect(Object.keys(removed).sort()).toEqual(["n", "undated"]);
    expect(timestampOf(removed["n"]?.expiry)).toBe(certificate.notAfter);
    expect(tx.get(nodes, "n")).toBeUndefined();
    const { state, message, container } = tx.get(tasks, "live")?.status ?? {};
    expect({ state, message, container }).toEqual({
      state: "ORPHANED",
      message: "Task belonged to a node that has been deleted",
      container: undefined,
    });
    expect(tx.get(tasks, "done")?.status?.state).toBe("COMPLETE");
    expect(tx.get(tasks, "elsewhere")?.status?.state).toBe("RUNNING");
  });
});

test("a node without a readable certificate is refused for ever once it is removed", async () => {
  const { control, put, store } = controlFixture();
  await put(clusters, { id: "c", spec: { annotations: { name: "default" } } });
  await put(nodes, { id: "n", certificate: { certificate: Buffer.from("not a certificate") } });
  await control.RemoveNode({ nodeId: "n" }, localCall);
  expect(store.view((tx) => tx.get(clusters, "c")?.blacklistedCertificates)).toEqual({ n: {} });
});

test("members of the raft cluster and nodes that are up are not removed", async () => {
  const { control, put } = controlFixture({ membership: membersNamed("m", "demoted") });
  await put(clusters, { id: "c", spec: { annotations: { name: "default" } } });
  await put(nodes, manager("m"));
  await put(nodes, { id: "demoted", status: { state: "DOWN" } });
  await put(nodes, { id: "up", status: { state: "READY" } });
  const member = (id: string) => ({
    code: "FAILED_PRECONDITION",
    message: `node ${id} is a cluster manager and is a member of the raft cluster. It must be demoted to worker before removal`,
  });
  await expect(control.RemoveNode({ nodeId: "m", force: true }, localCall)).rejects.toMatchObject(member("m"));
  await expect(control.RemoveNode({ nodeId: "demoted" }, localCall)).rejects.toMatchObject(member("demoted"));
  await expect(control.RemoveNode({ nodeId: "up" }, localCall)).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    message: "node up is not down and can't be removed",
  });
  await control.RemoveNode({ nodeId: "up", force: true }, localCall);
  await expect(control.RemoveNode({ nodeId: "up" }, localCall)).rejects.toThrow("node up not found");
  await expect(control.RemoveNode({}, localCall)).rejects.toThrow("invalid argument");
});
