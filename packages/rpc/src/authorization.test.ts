import fc from "fast-check";
import { expect, test } from "vitest";
import { authorize, type ClusterView, type ConnectionPeer, vouchedUser } from "./authorization.ts";
import type { NodeIdentity } from "./call.ts";
import type { ForwardedClaims } from "./metadata.ts";
import { anyone, certified, localOnly, type Policy, roles } from "./policy.ts";
import { testClusterId, testManager, testWorker } from "./testing/index.ts";

const cluster: ClusterView = {
  clusterId: () => testClusterId,
  isRemoved: (nodeId) => nodeId === "gone",
  isRaftMember: (nodeId) => nodeId === "member",
  isDemoted: (nodeId) => nodeId === "demoted",
};
const peerOf = (identity: NodeIdentity | undefined): ConnectionPeer => ({
  identity,
  remoteAddress: "10.0.0.7:4711",
  isLocal: false,
});
const nothing: ForwardedClaims = {
  forwarded: [],
  redirect: [],
  nodeId: "",
  clusterId: "",
  roles: [],
  remoteAddress: "",
  user: undefined,
};
const forwardOf = (origin: NodeIdentity): ForwardedClaims => ({
  ...nothing,
  forwarded: ["true"],
  redirect: ["10.0.0.9:5000"],
  nodeId: origin.nodeId,
  clusterId: origin.clusterId,
  roles: [origin.role],
  remoteAddress: "10.0.0.9:5000",
});
const forwardOfStranger: ForwardedClaims = { ...nothing, forwarded: ["true"], remoteAddress: "10.0.0.9:5000" };

const managersOnly = roles("swarm-manager");
const nodesOnly = roles("swarm-worker", "swarm-manager");
const everybody = anyone("test");

function refusal(identity: NodeIdentity | undefined, claims: ForwardedClaims, policy: Policy): [string, string] {
  try {
    authorize(peerOf(identity), claims, policy, cluster);
  } catch (error) {
    return [Reflect.get(error as object, "code"), (error as Error).message];
  }
  throw new TypeError("was admitted");
}

test("a node with an admitted role is the caller, under its own address", () => {
  expect(authorize(peerOf(testWorker()), nothing, nodesOnly, cluster)).toEqual({
    identity: testWorker(),
    remoteAddress: "10.0.0.7:4711",
    forwarder: undefined,
    isLocal: false,
  });
});

test.each<[string, NodeIdentity | undefined, Policy, string]>([
  [
    "a worker on a method of managers",
    testWorker(),
    managersOnly,
    "Permission denied: unauthorized peer role: rpc error: code = PermissionDenied desc = Permission denied: remote certificate not part of OUs: [swarm-manager]",
  ],
  [
    "a stranger",
    undefined,
    nodesOnly,
    "Permission denied: unauthorized peer role: rpc error: code = PermissionDenied desc = no client certificates in request",
  ],
  [
    "a removed node",
    testWorker("gone"),
    nodesOnly,
    "Permission denied: unauthorized peer role: rpc error: code = PermissionDenied desc = Permission denied: node gone was removed from swarm",
  ],
  [
    "a node of another cluster",
    { ...testManager(), clusterId: "other" },
    managersOnly,
    `Permission denied: unauthorized peer role: rpc error: code = PermissionDenied desc = Permission denied: remote certificate not part of organization: ${testClusterId}`,
  ],
  [
    "a removed node where anyone may call",
    testWorker("gone"),
    everybody,
    "Permission denied: node gone was removed from swarm",
  ],
])("%s is refused in SwarmKit's words", (_name, identity, policy, text) => {
  expect(refusal(identity, nothing, policy)).toEqual(["PERMISSION_DENIED", text]);
});

test("where anyone may call, a certificate of another cluster is worth as much as none", () => {
  const foreign = { ...testManager(), clusterId: "other" };
  expect(authorize(peerOf(foreign), nothing, everybody, cluster).identity).toBeUndefined();
});

test("a node without a cluster admits no role at all", () => {
  const noCluster = { ...cluster, clusterId: () => "" };
  const nameless = { ...testManager(), clusterId: "" };
  expect(() => authorize(peerOf(nameless), nothing, managersOnly, noCluster)).toThrow("not part of organization");
});

test("a manager's forward counts as a call of the origin, and names the forwarder", () => {
  expect(authorize(peerOf(testManager()), forwardOf(testWorker()), nodesOnly, cluster)).toEqual({
    identity: testWorker(),
    remoteAddress: "10.0.0.9:5000",
    forwarder: testManager(),
    isLocal: false,
  });
});

test("a stranger's forwarded call stays a stranger's", () => {
  const caller = authorize(peerOf(testManager()), forwardOfStranger, everybody, cluster);
  expect(caller.identity).toBeUndefined();
  expect(caller.forwarder).toEqual(testManager());
});

test.each<[string, NodeIdentity | undefined, ForwardedClaims, Policy, string]>([
  [
    "forwarded by a worker",
    testWorker("evil"),
    forwardOf(testManager()),
    managersOnly,
    "Permission denied: unauthorized forwarder role: rpc error: code = PermissionDenied desc = Permission denied: remote certificate not part of OUs: [swarm-manager]",
  ],
  [
    "forwarded by a worker where anyone may call",
    testWorker("evil"),
    forwardOf(testWorker()),
    everybody,
    "Permission denied: unauthorized forwarder role: rpc error: code = PermissionDenied desc = Permission denied: remote certificate not part of OUs: [swarm-manager]",
  ],
  [
    "forwarded by a stranger",
    undefined,
    forwardOf(testManager()),
    everybody,
    "Permission denied: unauthorized forwarder role: rpc error: code = PermissionDenied desc = no client certificates in request",
  ],
  [
    "forwarded by a removed manager",
    testManager("gone"),
    forwardOf(testWorker()),
    nodesOnly,
    "Permission denied: unauthorized forwarder role: rpc error: code = PermissionDenied desc = Permission denied: node gone was removed from swarm",
  ],
  [
    "of a stranger on a method with roles",
    testManager(),
    forwardOfStranger,
    nodesOnly,
    "Permission denied: missing information in forwarded request",
  ],
  [
    "without the origin's role",
    testManager(),
    { ...forwardOf(testWorker()), roles: [] },
    everybody,
    "Permission denied: missing information in forwarded request",
  ],
  [
    "with forwarded_cert twice",
    testManager(),
    { ...forwardOf(testWorker()), forwarded: ["true, true"] },
    nodesOnly,
    "Permission denied: missing information in forwarded request",
  ],
  [
    "of a worker on a method of managers",
    testManager(),
    forwardOf(testWorker()),
    managersOnly,
    "Permission denied: unauthorized forwarded role, expecting: [swarm-manager]",
  ],
  [
    "of another cluster's node",
    testManager(),
    forwardOf({ ...testWorker(), clusterId: "other" }),
    nodesOnly,
    `Permission denied: organization mismatch, expecting: ${testClusterId}`,
  ],
  [
    "of a removed node",
    testManager(),
    forwardOf(testWorker("gone")),
    nodesOnly,
    "Permission denied: node gone was removed from swarm",
  ],
])("a call %s is refused", (_name, forwarder, claims, policy, text) => {
  expect(refusal(forwarder, claims, policy)).toEqual(["PERMISSION_DENIED", text]);
});

test("a forwarded call of a Raft member is refused, so that two hops cannot make a manager of a worker", () => {
  const [code] = refusal(testManager(), forwardOf(testManager("member")), managersOnly);
  expect(code).toBe("UNAVAILABLE");
});

test("a demoted manager counts as a worker, as caller, as origin and as the one who names a person", () => {
  const demoted = testManager("demoted");
  expect(refusal(demoted, nothing, managersOnly)[0]).toBe("PERMISSION_DENIED");
  expect(authorize(peerOf(demoted), nothing, nodesOnly, cluster).identity).toEqual(testWorker("demoted"));
  expect(authorize(peerOf(demoted), nothing, everybody, cluster).identity).toEqual(testWorker("demoted"));
  expect(refusal(testManager(), forwardOf(demoted), managersOnly)[0]).toBe("PERMISSION_DENIED");
  expect(refusal(demoted, forwardOf(testWorker()), nodesOnly)[0]).toBe("PERMISSION_DENIED");
  expect(vouchedUser(peerOf(demoted), { ...nothing, user: "alice" }, cluster)).toBeUndefined();
});

test("a method that looks at the record itself is told what the certificate says", () => {
  const demoted = testManager("demoted");
  const policy = certified("swarm-manager");
  expect(authorize(peerOf(demoted), nothing, policy, cluster).identity).toEqual(demoted);
  expect(refusal(testWorker(), nothing, policy)[0]).toBe("PERMISSION_DENIED");
});

test("an origin with both roles has the lesser one", () => {
  const both = { ...forwardOf(testWorker()), roles: ["swarm-manager", "swarm-worker"] };
  expect(authorize(peerOf(testManager()), both, nodesOnly, cluster).identity?.role).toBe("swarm-worker");
});

test("what is for the control socket only is refused on the network, even to managers", () => {
  expect(refusal(testManager(), nothing, localOnly("test"))[0]).toBe("PERMISSION_DENIED");
});

test("on the control socket every policy admits, and no claim of a forward counts", () => {
  const local: ConnectionPeer = { identity: undefined, remoteAddress: "", isLocal: true };
  for (const policy of [managersOnly, everybody, localOnly("test")]) {
    expect(authorize(local, forwardOf(testManager()), policy, cluster)).toEqual({
      identity: undefined,
      remoteAddress: "",
      forwarder: undefined,
      isLocal: true,
    });
  }
});

test("only a manager may say which person is behind a call", () => {
  const claims = { ...nothing, user: "alice" };
  expect(vouchedUser(peerOf(testManager()), claims, cluster)).toBe("alice");
  expect(vouchedUser(peerOf(testWorker()), claims, cluster)).toBeUndefined();
  expect(vouchedUser(peerOf(undefined), claims, cluster)).toBeUndefined();
  expect(vouchedUser(peerOf(testManager("gone")), claims, cluster)).toBeUndefined();
});

test("no claims of a peer that is not a manager ever name another caller", () => {
  const text = fc.constantFrom("", "true", "manager1", "swarm-manager", testClusterId, "member");
  const claimsOfAnyone = fc.record({
    forwarded: fc.array(text, { maxLength: 2 }),
    redirect: fc.array(text, { maxLength: 1 }),
    nodeId: text,
    clusterId: text,
    roles: fc.array(text, { maxLength: 2 }),
    remoteAddress: text,
    user: fc.option(text, { nil: undefined }),
  });
  const policies = fc.constantFrom(managersOnly, nodesOnly, everybody);
  fc.assert(
    fc.property(fc.constantFrom(undefined, testWorker()), claimsOfAnyone, policies, (identity, claims, policy) => {
      try {
        const caller = authorize(peerOf(identity), claims, policy, cluster);
        expect(caller.identity).toEqual(identity);
        expect(caller.forwarder).toBeUndefined();
      } catch (error) {
        expect(Reflect.get(error as object, "code")).toBe("PERMISSION_DENIED");
      }
    }),
  );
});
