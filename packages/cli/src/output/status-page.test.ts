import { testAuthority } from "@mswarm/pki/testing";
import { after, hours, type Instant, unavailable, wireTimestamp } from "@mswarm/runtime";
import { SimulatedClock } from "@mswarm/runtime/simulated";
import type { mswarm, Node } from "@mswarm/wire";
import { beforeAll, expect, test } from "vitest";
import { run, type TestSetting } from "../testing/test-context.ts";

const clock = new SimulatedClock();
const start: Instant = clock.now();
let setting: TestSetting;
let status: mswarm.StatusResponse;

beforeAll(async () => {
  const authority = await testAuthority({ clock });
  const { certificatePem } = await authority.node({ role: "swarm-worker", validity: hours(240) });
  status = {
    state: "ACTIVE",
    nodeId: "n1".padEnd(25, "0"),
    clusterId: "c1",
    hostname: "m1",
    isManager: true,
    advertiseAddr: "10.0.0.1:2377",
    certificateNotAfter: wireTimestamp(after(start, hours(48))),
    raft: {
      raftId: "7",
      leaderNodeId: "n1".padEnd(25, "0"),
      term: "4",
      role: "leader",
      commitIndex: "9",
      appliedIndex: "9",
    },
    remoteManagers: ["10.0.0.1:2377"],
    version: "0.1.0",
    engine: "unix:///var/run/docker.sock",
    engineReachable: true,
  };
  const manager: Node = {
    id: status.nodeId ?? "",
    role: "MANAGER",
    spec: { desiredRole: "MANAGER" },
    description: { hostname: "m1" },
    status: { state: "READY" },
    managerStatus: { leader: true, reachability: "REACHABLE", addr: "10.0.0.1:2377" },
  };
  const worker: Node = {
    id: "n2".padEnd(25, "0"),
    role: "WORKER",
    spec: { desiredRole: "MANAGER", availability: "DRAIN" },
    description: { hostname: "w1" },
    status: { state: "DOWN", addr: "10.0.0.2" },
    certificate: { certificate: Buffer.from(certificatePem) },
  };
  const service = {
    id: "s1",
    spec: { annotations: { name: "web" }, replicated: { replicas: "2" }, task: { container: { image: "bb:1" } } },
  };
  setting = {
    clock,
    daemon: { Status: async () => status },
    control: {
      ListNodes: async () => ({ nodes: [worker, manager] }),
      ListServices: async () => ({ services: [service] }),
      ListServiceStatuses: async () => ({ statuses: [{ serviceId: "s1", runningTasks: "1", desiredTasks: "2" }] }),
      ListTasks: async () => ({
        tasks: [
          { id: "t1", nodeId: manager.id ?? "", status: { state: "RUNNING" } },
          { id: "t2", status: { state: "PENDING" } },
        ],
      }),
      ListSecrets: async () => ({ secrets: [{ id: "x" }] }),
    },
  };
});

test("a manager shows the whole cluster on one screen", async () => {
  const { out, exitCode } = await run(["status"], setting);
  expect(exitCode).toBe(0);
  expect(out.split("\n").length).toBeLessThan(24);
  expect(out).toContain("Certificate: ends in 2 days (2026-01-03T00:00Z)");
  expect(out).toContain(
    "Raft:        leader m1, term 4, 1 of 1 managers reachable; this node: leader, commit 9, applied 9",
  );
  expect(out).toMatch(/n10000000000 \* +m1 +manager +Ready +Active +Leader +2 days +1 +10\.0\.0\.1:2377/);
  expect(out).toMatch(/n20000000000 +w1 +worker → manager +Down +Drain +10 days +0 +10\.0\.0\.2/);
  expect(out).toMatch(/web +replicated +1\/2 +bb:1/);
  expect(out).toContain("Tasks:       1 pending, 1 running");
  expect(out).toContain("Secrets:     1");
});

test("a worker and a node without cluster show themselves", async () => {
  const worker = await run(["status"], {
    clock,
    daemon: { Status: async () => ({ ...status, isManager: false, engineReachable: false }) },
  });
  expect(worker.out).toContain("Role:        worker");
  expect(worker.out).toContain("unix:///var/run/docker.sock (does not answer)");
  expect(worker.requests.map(([method]) => method)).toEqual(["Status"]);
  const alone = await run(["status"], { clock, daemon: { Status: async () => ({ hostname: "h" }) } });
  expect(alone.out).toContain("State:       inactive");
});

test("a cluster without leader still has a status", async () => {
  const control = {
    ...setting.control,
    ListNodes: async () => Promise.reject(unavailable("The swarm does not have a leader.")),
  };
  const result = await run(["status"], { ...setting, control });
  expect(result.exitCode).toBe(0);
  expect(result.out).toContain("Objects:     cannot be read: The swarm does not have a leader.");
  const json = await run(["status", "--format", "json"], { ...setting, control });
  expect(JSON.parse(json.out)).toMatchObject({
    NodeID: status.nodeId,
    ClusterError: "The swarm does not have a leader.",
  });
});

test("programs get the same as JSON", async () => {
  const { out } = await run(["status", "--format", "json"], setting);
  expect(JSON.parse(out)).toMatchObject({
    IsManager: true,
    Raft: { Term: "4", Role: "leader" },
    Nodes: [
      { Hostname: "m1", CertificateNotAfter: "2026-01-03T00:00:00.000Z", RunningTasks: 1 },
      { Hostname: "w1", Role: "worker", DesiredRole: "manager", CertificateNotAfter: "2026-01-11T00:00:00.000Z" },
    ],
    Services: [{ Name: "web", RunningTasks: 1, DesiredTasks: 2 }],
    Secrets: 1,
  });
});
