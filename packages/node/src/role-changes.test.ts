import type { CertificateRole } from "@mswarm/pki";
import type { Channel } from "@mswarm/rpc";
import { silentLogger, TaskGroup, unavailable, unimplemented } from "@mswarm/runtime";
import { settle } from "@mswarm/runtime/simulated";
import type { Node } from "@mswarm/wire";
import { afterAll, expect, test } from "vitest";
import { RoleChanges } from "./role-changes.ts";

const tasks = new TaskGroup(new AbortController().signal, (name, error) => {
  throw new TypeError(`${name} failed`, { cause: error });
});
afterAll(() => tasks.close());

const node = (desiredRole: "WORKER" | "MANAGER", state: "ISSUED" | "ROTATE" = "ISSUED"): Node => ({
  spec: { desiredRole },
  certificate: { status: { state } },
});

/** Managers that answer `Hello` with nothing, or with an error. */
function managers(...answers: readonly (Error | undefined)[]) {
  const queue = [...answers];
  const closed: number[] = [];
  const openChannel = (): Channel => {
    const answer = queue.shift();
    const hello = async () => {
      if (answer !== undefined) throw answer;
      return {};
    };
    return { client: () => ({ Hello: hello }), close: () => void closed.push(1) } as Partial<Channel> as Channel;
  };
  return { openChannel, closed: () => closed.length };
}

function bench(answers: readonly (Error | undefined)[], options: { joinsAsManager?: boolean } = {}) {
  const state = { role: "swarm-worker" as CertificateRole };
  const orders: (CertificateRole | undefined)[] = [];
  const { openChannel, closed } = managers(...answers);
  const changes = new RoleChanges({
    nodeId: "n1",
    role: () => state.role,
    joinsAsManager: options.joinsAsManager ?? false,
    otherManagers: () => answers.map((_, index) => `10.0.0.${index}:2377`),
    openChannel,
    renewNow: (role) => orders.push(role),
    tasks,
    log: silentLogger(),
  });
  return { changes, orders, state, closed };
}

const docker = unimplemented("unknown service mswarm.v1.Peer");

test("a promotion by mswarm managers orders a manager's certificate", async () => {
  const { changes, orders, closed } = bench([undefined]);
  changes.told(node("MANAGER"));
  await settle();
  expect(orders).toEqual(["swarm-manager"]);
  expect(changes.refusal).toBeUndefined();
  expect(closed()).toBe(1);
});

test("a promotion by Docker managers is refused with a sentence until it is taken back", async () => {
  const { changes, orders } = bench([docker]);
  changes.told(node("MANAGER"));
  changes.told(node("MANAGER"));
  await settle();
  expect(orders).toEqual([]);
  expect(changes.refusal).toContain("docker node rm --force n1");
  changes.told(node("WORKER"));
  expect(changes.refusal).toBeUndefined();
  expect(orders).toEqual([]);
});

test("a rotation of the root renews the certificate of a node that refuses its role, too", async () => {
  const { changes, orders } = bench([docker]);
  changes.told(node("MANAGER"));
  await settle();
  changes.told(node("MANAGER", "ROTATE"));
  expect(orders).toEqual([undefined]);
});

test("one manager that answers is enough, and none leaves the question to the manager's start", async () => {
  const some = bench([unavailable("gone"), docker]);
  some.changes.told(node("MANAGER"));
  await settle();
  expect(some.changes.refusal).toContain("Docker Engine");
  const none = bench([unavailable("gone")]);
  none.changes.told(node("MANAGER"));
  await settle();
  expect(none.orders).toEqual(["swarm-manager"]);
  await expect(bench([unavailable("gone")]).changes.requireCommonQuorum(new AbortController().signal)).rejects.toThrow(
    "no manager has said whether it runs mswarm or Docker Engine: gone",
  );
});

test("joining Docker managers with the manager token is refused with the way in", async () => {
  const { changes } = bench([docker], { joinsAsManager: true });
  await expect(changes.requireCommonQuorum(new AbortController().signal)).rejects.toThrow(
    /join with the worker token.*docker node rm --force n1/,
  );
});

test("a promotion taken back before its certificate came is not gone on asking for", async () => {
  const { changes, orders, state } = bench([undefined]);
  changes.told(node("MANAGER"));
  await settle();
  changes.told(node("WORKER"));
  expect(orders).toEqual(["swarm-manager", "swarm-worker"]);
  state.role = "swarm-worker";
  changes.renewed({ role: "swarm-worker" } as Parameters<RoleChanges["renewed"]>[0]);
  changes.told(node("WORKER"));
  expect(orders).toHaveLength(2);
});

test("a demoted node refuses to be a manager until its certificate is a worker's", async () => {
  const { changes, orders, state } = bench([docker]);
  changes.told(node("MANAGER"));
  await settle();
  state.role = "swarm-manager";
  changes.told(node("WORKER"));
  expect(changes.refusal).toContain("Docker Engine");
  expect(orders).toEqual(["swarm-worker"]);
  state.role = "swarm-worker";
  changes.renewed({ role: "swarm-worker" } as Parameters<RoleChanges["renewed"]>[0]);
  expect(changes.refusal).toBeUndefined();
});
