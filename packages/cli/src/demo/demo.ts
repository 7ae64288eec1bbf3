// The demo: a whole cluster, a secret in real containers, a leader killed under load, and what is left of it all.
import { createHash } from "node:crypto";
import {
  type Clock,
  type Duration,
  isSwarmError,
  milliseconds,
  newId,
  type Random,
  seconds,
  unavailable,
} from "@mswarm/runtime";
import type { Task } from "@mswarm/wire";
import { type Lab, type LabParts, labDown, labExists, labUp, statusOf, withDaemon } from "../lab/lab.ts";
import type { LabNode } from "../lab/layout.ts";
import { startDaemon, stopDaemon, until } from "../lab/processes.ts";

export const demoLab = "demo";
const serviceName = "fingerprint";
const replicas = 4;

export interface DemoParts extends LabParts {
  readonly random: Random;
  readonly engine: string;
  /** How the user runs mswarm, for the hints at the end. */
  readonly command: string;
}

const inSeconds = (span: number): string => `${(span / 1_000).toFixed(2)} s`;

/** Runs the whole demo. Rejects with a SwarmError when a step does not hold what it promises. */
export async function runDemo(parts: DemoParts): Promise<void> {
  const { clock, say } = parts;
  const timed = async <R>(label: string, step: () => Promise<R>): Promise<R> => {
    const started = clock.monotonic();
    const result = await step();
    say(`  ${label} (${inSeconds(clock.monotonic() - started)})`);
    return result;
  };

  if (await labExists(demoLab, parts.roots))
    await timed("removed the cluster of the last demo", () => labDown(demoLab, parts));
  say("1. A cluster: three managers and two workers, mutual TLS between all of them");
  const lab = await timed("the cluster is up", () =>
    labUp({ name: demoLab, managers: 3, workers: 2, engine: parts.engine }, parts),
  );

  say("2. A secret, and a service of four containers that print its SHA-256");
  const { prepareDemoImage } = await import("@mswarm/node/offline");
  const image = await prepareDemoImage(parts.engine);
  const secret = parts.random.bytes(32).toString("hex");
  const [manager] = lab.nodes;
  if (manager === undefined) throw unavailable("the lab has no manager");
  const serviceId = await createService(manager, { image, secret }, clock);
  const tasks = await timed("four tasks run", () => runningTasks(manager, serviceId, clock));
  const expected = createHash("sha256").update(secret).digest("hex");
  await timed(`each printed ${expected.slice(0, 16)}…, which is the secret's`, () => compareOutputs(parts, expected));

  say("3. The leader is killed (SIGKILL)");
  const leader = await leaderOf(lab, clock);
  const survivor = lab.nodes.find((node) => node.isManager && node !== leader) ?? manager;
  await stopDaemon(leader, "SIGKILL", clock);
  const outage = await firstWrite(survivor, parts);
  say(`  ${leader.name} is dead; the next write succeeded after ${inSeconds(outage)}`);
  if (outage > seconds(2)) throw unavailable(`writes stood still for ${inSeconds(outage)}; at most 2 s were promised`);
  const after = await runningTasks(survivor, serviceId, clock);
  const kept = tasks.filter((task) => after.some((other) => other.id === task.id)).length;
  say(`  ${kept} of ${tasks.length} tasks never stopped running`);
  if (kept !== tasks.length)
    throw unavailable("tasks were replaced although their nodes were alive enough to run them");

  say("4. The killed manager starts again");
  await timed(`${leader.name} has caught up with the log`, async () => {
    await startDaemon(leader, lab.record);
    await caughtUp(leader, survivor, clock);
  });

  const socket = survivor.controlPath;
  say("");
  say("The cluster is still running. Look at it:");
  say(`  ${parts.command} lab status --name ${demoLab}`);
  say(`  export MSWARM_HOST=unix://${socket}`);
  say(`  ${parts.command} status`);
  say(`  ${parts.command} service ps ${serviceName}`);
  say(`  ${parts.command} service scale ${serviceName}=8`);
  say(`And away with it: ${parts.command} lab down --name ${demoLab}`);
}

async function createService(
  manager: LabNode,
  wanted: { image: string; secret: string },
  clock: Clock,
): Promise<string> {
  return withDaemon(manager, clock, async (channel) => {
    const control = channel.client("docker.swarmkit.v1.Control");
    const timeout = seconds(20);
    const created = await control.CreateSecret(
      { spec: { annotations: { name: "demo-secret" }, data: Buffer.from(wanted.secret) } },
      { timeout },
    );
    const secretId = created.secret?.id ?? "";
    const { service } = await control.CreateService(
      {
        spec: {
          annotations: { name: serviceName },
          task: {
            container: {
              image: wanted.image,
              command: ["/bin/sh", "-c", "sha256sum /run/secrets/demo-secret; exec sleep 1000000"],
              secrets: [
                { secretId, secretName: "demo-secret", file: { name: "demo-secret", uid: "0", gid: "0", mode: 0o444 } },
              ],
              stopGracePeriod: { seconds: "1" },
            },
          },
          replicated: { replicas: String(replicas) },
        },
      },
      { timeout },
    );
    return service?.id ?? "";
  });
}

async function tasksOf(node: LabNode, serviceId: string, clock: Clock): Promise<readonly Task[]> {
  return withDaemon(node, clock, async (channel) => {
    const { tasks = [] } = await channel
      .client("docker.swarmkit.v1.Control")
      .ListTasks({ filters: { serviceIds: [serviceId] } }, { timeout: seconds(5) });
    return tasks;
  });
}

async function runningTasks(node: LabNode, serviceId: string, clock: Clock): Promise<readonly Task[]> {
  let running: readonly Task[] = [];
  let seen: readonly Task[] = [];
  await until(
    async () => {
      seen = await tasksOf(node, serviceId, clock);
      running = seen.filter((task) => task.status?.state === "RUNNING" && task.desiredState === "RUNNING");
      return running.length >= replicas;
    },
    {
      clock,
      within: seconds(60),
      complaint: () =>
        `only ${running.length} of ${replicas} tasks run: ${seen.map((task) => `${task.status?.state ?? "NEW"} ${task.status?.err ?? ""}`).join("; ")}`,
    },
  );
  return running;
}

async function compareOutputs(parts: DemoParts, expected: string): Promise<void> {
  let outputs: readonly string[] = [];
  await until(
    async () => {
      const { taskOutputs } = await import("@mswarm/node/offline");
      outputs = await taskOutputs(parts.engine, { lab: demoLab, service: serviceName });
      return outputs.length >= replicas && outputs.every((output) => output.includes(expected));
    },
    {
      clock: parts.clock,
      within: seconds(20),
      complaint: () => `the containers printed something else: ${outputs.join("; ")}`,
    },
  );
}

async function leaderOf(lab: Lab, clock: Clock): Promise<LabNode> {
  for (const node of lab.nodes.filter((candidate) => candidate.isManager)) {
    if ((await statusOf(node, clock))?.raft?.role === "leader") return node;
  }
  throw unavailable("no manager says that it leads");
}

/** Tries to write until it works; how long that took. */
async function firstWrite(node: LabNode, parts: DemoParts): Promise<Duration> {
  const { clock, random } = parts;
  const started = clock.monotonic();
  await withDaemon(node, clock, (channel) =>
    until(
      async () => {
        try {
          await channel
            .client("docker.swarmkit.v1.Control")
            .CreateSecret(
              { spec: { annotations: { name: `after-${newId(random)}` }, data: Buffer.from("x") } },
              { timeout: milliseconds(500) },
            );
          return true;
        } catch (error) {
          if (isSwarmError(error)) return false;
          throw error;
        }
      },
      { clock, within: seconds(30), complaint: () => "no write succeeded within 30 s of the leader's death" },
    ),
  );
  return milliseconds(clock.monotonic() - started);
}

async function caughtUp(node: LabNode, reference: LabNode, clock: Clock): Promise<void> {
  const target = Number((await statusOf(reference, clock))?.raft?.commitIndex ?? "0");
  let applied = 0;
  await until(
    async () => {
      applied = Number((await statusOf(node, clock))?.raft?.appliedIndex ?? "0");
      return applied >= target && target > 0;
    },
    { clock, within: seconds(30), complaint: () => `${node.name} is at index ${applied} of ${target}` },
  );
}
