// An mswarm node as a worker of a real Docker swarm. One story for each version, told in order.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { cryptoRandom } from "@mswarm/runtime";
import { afterAll, beforeAll, expect } from "vitest";
import { CompatibilityMatrix } from "../support/compatibility-matrix.ts";
import { engineVersions } from "../support/docker-engine.ts";
import { DockerSwarms } from "../support/docker-swarms.ts";
import { eventually } from "../support/eventually.ts";
import * as membership from "./mswarm-worker/membership.ts";
import * as services from "./mswarm-worker/services.ts";

const secret = cryptoRandom().bytes(24).toString("hex");
const earlyRenewal = fileURLToPath(new URL("../support/early-renewal.ts", import.meta.url));
const matrix = new CompatibilityMatrix("mswarm-worker", engineVersions);

let scene: DockerSwarms;

beforeAll(async () => {
  scene = await DockerSwarms.start();
});
afterAll(() => scene?.stop());

matrix.scenario("joining with the manager token is refused", (version) => membership.isNoManager(scene.of(version)));
matrix.scenario("joining as a worker, with its description", (version) => membership.joins(scene.of(version)));
matrix.scenario("secret, templated config, env, mounts, limits, ports, health check", (version) =>
  services.runsFullService(scene.of(version), secret),
);
matrix.scenario("update, automatic and manual rollback", (version) => services.updatesAndRollsBack(scene.of(version)));
matrix.scenario("scaling and removal", (version) => services.scalesAndRemoves(scene.of(version)));
matrix.scenario("restart policies and jobs", (version) => services.restartsAndRunsJobs(scene.of(version)));
matrix.scenario("what needs an overlay network stays pending", (version) => services.needsNoOverlay(scene.of(version)));
matrix.scenario("service logs: tail, since, follow", (version) => services.showsLogs(scene.of(version)));
matrix.scenario("drain, pause, active", (version) => services.drainsAndPauses(scene.of(version)));
matrix.scenario("daemon killed, stopped and started", (version) => membership.survivesItsDaemon(scene.of(version)));
matrix.commonScenario("the worker's engine restarts", async () => {
  const before = await Promise.all(scene.swarms.map((swarm) => swarm.running("web", 3)));
  await scene.host.restart();
  for (const [index, swarm] of scene.swarms.entries()) {
    await eventually(async () => {
      const after = await swarm.running("web", 3);
      expect(after.filter((container) => before[index]?.includes(container))).toEqual([]);
      expect(await swarm.containers("web")).toEqual(after);
    });
  }
});
matrix.scenario("root rotation by the managers", (version) => membership.rotatesRoot(scene.of(version)));
matrix.scenario("promotion is refused, and the way out", (version) => membership.refusesPromotion(scene.of(version)));
matrix.scenario("certificate renewal", (version) => {
  const swarm = scene.of(version);
  return membership.renewsItsCertificate(swarm, scene.disguised(swarm, earlyRenewal));
});
matrix.scenario("the leader is killed", (version) => membership.outlivesALeader(scene.of(version)));
matrix.scenario("a manager is removed", (version) => membership.forgetsARemovedManager(scene.of(version)));
matrix.scenario("leaving and coming back", (version) => membership.leavesAndComesBack(scene.of(version)));
matrix.scenario("removed by force, and back", (version) => membership.isRemoved(scene.of(version)));
matrix.scenario("no secret in the log, nothing left over", async (version) => {
  const swarm = scene.of(version);
  await swarm.remove("web");
  const log = await readFile(swarm.worker.logFile, "utf8");
  expect(log).toContain("session with a manager established");
  for (const hidden of [secret, ...swarm.tokens]) expect(log).not.toContain(hidden);
  expect(log.split("\n").filter((line) => line.includes("defect") || line.includes("loop broke"))).toEqual([]);
});
matrix.isDocumented();
