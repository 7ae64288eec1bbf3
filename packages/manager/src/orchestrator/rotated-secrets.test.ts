import { hours, minutes, seconds } from "@mswarm/runtime";
import { secrets } from "@mswarm/store";
import type { ServiceSpec, Task } from "@mswarm/wire";
import { afterEach, expect, test } from "vitest";
import { rotateSecret } from "../api/secret-rotation.ts";
import type { Fate } from "./testing/fake-agents.ts";
import { TestSwarm } from "./testing/test-swarm.ts";

let swarm: TestSwarm;
afterEach(async () => await swarm.stop());

/** A service of two tasks that uses the secret `db`; tasks with a newer version of it fare as `newer` says. */
async function start(newer: Fate, policy: ServiceSpec = {}): Promise<string> {
  const fate = (task: Task): Fate => (secretOf(task) === "first" ? "runs" : newer);
  swarm = new TestSwarm({ nodes: 2, agents: { fate } });
  await swarm.store.update((tx) =>
    tx.create(secrets, { id: "first", spec: { annotations: { name: "db" }, data: Buffer.from("old") } }),
  );
  const container = { image: "a", secrets: [{ secretId: "first", secretName: "db" }] };
  const web = swarm.createService({ task: { container }, replicated: { replicas: "2" }, ...policy });
  await swarm.advance(seconds(10));
  return web;
}

const rotate = (): ReturnType<typeof rotateSecret> =>
  rotateSecret(
    { store: swarm.store, clock: swarm.clock, random: swarm.random },
    { secretId: "first", data: Buffer.from("new") },
  );

const secretOf = (task: Task): string => task.spec?.container?.secrets?.[0]?.secretId ?? "";
const names = (): readonly string[] =>
  swarm.store.view((tx) => [...tx.all(secrets)].map(({ spec }) => spec?.annotations?.name ?? "")).sort();

test("services roll over without a gap, get their policy back, and the old version is destroyed a day later", async () => {
  const web = await start("runs", { update: { parallelism: "1", order: "STOP_FIRST" } });
  const { secretId } = await rotate();
  let least = 2;
  for (let step = 0; step < 60; step += 1) {
    await swarm.advance(seconds(0.5));
    least = Math.min(least, swarm.running(web).length);
  }
  expect(least).toBe(2);
  expect(swarm.running(web).map(secretOf)).toEqual([secretId, secretId]);
  expect(swarm.service(web)?.updateStatus?.state).toBe("COMPLETED");
  expect(swarm.service(web)?.spec?.update).toEqual({ parallelism: "1", order: "STOP_FIRST" });
  await swarm.advance(hours(23));
  expect(names()).toEqual(["db", "db.1"]);
  // What comes back into force with the policy starts no update of its own.
  expect(swarm.running(web).map(secretOf)).toEqual([secretId, secretId]);
  await swarm.advance(hours(2));
  expect(names()).toEqual(["db"]);
});

test("a new version that does not work brings the old one back, which is then kept as long as it is used", async () => {
  const web = await start("fails", { update: { parallelism: "1", failureAction: "PAUSE" } });
  await rotate();
  await swarm.advance(minutes(2));
  expect(swarm.running(web).map(secretOf)).toEqual(["first", "first"]);
  expect(swarm.service(web)?.updateStatus?.state).toBe("ROLLBACK_COMPLETED");
  expect(swarm.service(web)?.spec?.update).toEqual({ parallelism: "1", failureAction: "PAUSE" });
  await swarm.advance(hours(48));
  expect(names()).toEqual(["db", "db.1"]);
  swarm.removeService(web);
  await swarm.advance(minutes(1));
  expect(names()).toEqual(["db"]);
});

test("a new leader still knows when the old version may go", async () => {
  await start("runs");
  await rotate();
  await swarm.advance(minutes(1));
  swarm.stopLeading();
  await swarm.advance(hours(30));
  expect(names()).toEqual(["db", "db.1"]);
  swarm.lead();
  await swarm.advance(seconds(10));
  expect(names()).toEqual(["db"]);
});
