import { isSwarmError, milliseconds, minutes, seconds, silentLogger } from "@mswarm/runtime";
import { SimulatedClock } from "@mswarm/runtime/simulated";
import { afterEach, expect, test } from "vitest";
import { CallBudget } from "./call-budget.ts";
import { type BoundService, bindService, type Channel, type LeaderForwarder, roles } from "./index.ts";
import { createTestAuthority, type Loopback, startLoopback, testManager, testWorker } from "./testing/index.ts";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const authority = await createTestAuthority();

const health = (forward?: LeaderForwarder): BoundService =>
  bindService(
    "docker.swarmkit.v1.Health",
    { Check: async () => ({ status: "SERVING" }) },
    { Check: roles("swarm-worker", "swarm-manager") },
    forward === undefined ? {} : { forward },
  );

/** A manager that takes `capacity` calls of one node, and no more while the test runs. */
async function startManager(capacity: number, forward?: LeaderForwarder): Promise<Loopback> {
  const loopback = await startLoopback({
    authority,
    services: [health(forward)],
    isDemoted: (nodeId) => nodeId === "demoted",
    limits: { workerCalls: { capacity, interval: minutes(10) } },
  });
  cleanups.push(() => loopback.close());
  return loopback;
}

/** How a number of calls ends, one after another. */
async function outcomes(channel: Channel, calls: number, metadata = {}): Promise<readonly string[]> {
  const ended: string[] = [];
  for (let call = 0; call < calls; call += 1) {
    const answer = channel.client("docker.swarmkit.v1.Health").Check({}, { metadata });
    ended.push(
      await answer.then(
        () => "OK",
        (error: unknown) => (isSwarmError(error) ? error.code : String(error)),
      ),
    );
  }
  return ended;
}

const admitted = (budget: CallBudget, nodeId: string, calls: number): number =>
  Array.from({ length: calls }, () => budget.take(nodeId)).filter((isTaken) => isTaken).length;

test("a node gets its burst, then its rate, and another node is none the worse", async () => {
  const clock = new SimulatedClock();
  const budget = new CallBudget({ capacity: 100, interval: milliseconds(10) }, clock, silentLogger());
  expect(admitted(budget, "busy", 500)).toBe(100);
  await clock.advance(seconds(0.5));
  expect(admitted(budget, "busy", 500)).toBe(50);
  expect(admitted(budget, "quiet", 100)).toBe(100);
});

test("nodes that have been quiet are forgotten: ever new ids take no memory, and no node gets more by waiting", async () => {
  const clock = new SimulatedClock();
  const budget = new CallBudget({ capacity: 10, interval: seconds(1) }, clock, silentLogger());
  expect(admitted(budget, "busy", 20)).toBe(10);
  for (let count = 0; count < 10_000; count += 1) {
    await clock.advance(milliseconds(1));
    budget.take(`n${count}`);
  }
  // Those of the last second, at most twice, and never fewer than what is not worth looking at.
  expect(budget.size).toBeLessThanOrEqual(2_002);
  expect(admitted(budget, "busy", 20)).toBe(10);
});

test("a node's connections share its calls, and a demoted manager is a node like others; managers are not counted", async () => {
  const { channel } = await startManager(3);
  const refused = "RESOURCE_EXHAUSTED";
  expect(await outcomes(await channel(testWorker("w")), 2)).toEqual(["OK", "OK"]);
  expect(await outcomes(await channel(testWorker("w")), 3)).toEqual(["OK", refused, refused]);
  expect(await outcomes(await channel(testManager("demoted")), 4)).toEqual(["OK", "OK", "OK", refused]);
  expect(await outcomes(await channel(testWorker("other")), 1)).toEqual(["OK"]);
  expect(await outcomes(await channel(testManager("m")), 10)).toEqual(Array(10).fill("OK"));
});

test("calls that are not allowed count as well", async () => {
  const { channel } = await startManager(2);
  const metadata = { forwarded_cert: "true", forwarded_cert_cn: "m" };
  const denied = await outcomes(await channel(testWorker("w")), 3, metadata);
  expect(denied).toEqual(["PERMISSION_DENIED", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED"]);
});

test("a leader counts a node's calls through all followers together, and says what is wrong", async () => {
  const leader = await startManager(4);
  const followers = await Promise.all(
    ["f1", "f2"].map(async (name) => {
      const toLeader = await leader.channel(testManager(name));
      return startManager(100, { leader: async () => ({ self: false, channel: toLeader }) });
    }),
  );
  const ended: string[] = [];
  for (const follower of followers) ended.push(...(await outcomes(await follower.channel(testWorker("w")), 3)));
  expect(ended).toEqual(["OK", "OK", "OK", "OK", "RESOURCE_EXHAUSTED", "RESOURCE_EXHAUSTED"]);
  const direct = (await leader.channel(testWorker("w"))).client("docker.swarmkit.v1.Health").Check({});
  await expect(direct).rejects.toThrow("node w makes more calls than this manager takes of one node");
});
