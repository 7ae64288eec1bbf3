// `mswarm service logs` as a user runs it: from a manager and both kinds of worker, one of which is a Docker Engine.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DockerEngine, goesOn, startDockerEngine } from "../support/docker-engine.ts";
import { eventually } from "../support/eventually.ts";
import { sleeper } from "../support/service-specs.ts";
import { containerIdOf, TestCluster } from "../support/test-cluster.ts";
import { TestService } from "../support/test-service.ts";

const run = promisify(execFile);
const mswarm = fileURLToPath(new URL("../../mswarm", import.meta.url));

let docker: DockerEngine;
let cluster: TestCluster;
let service: TestService;
const started: ChildProcess[] = [];

beforeAll(async () => {
  docker = await startDockerEngine();
  cluster = await TestCluster.start({ engine: docker.address, managers: 1, workers: 1 });
  const { worker = "" } = await cluster.joinTokens();
  const address = cluster.add("unused").address;
  const addresses = ["--advertise-addr", address, "--listen-addr", address];
  const manager = cluster.daemon("m1").managerAddress;
  await run("docker", ["-H", docker.address, "swarm", "join", "--token", worker, ...addresses, manager]).catch(goesOn);
  const spec = sleeper("talk", {
    image: docker.image,
    replicas: 3,
    script: 'echo "one $WHO"; echo "bad $WHO" >&2; sleep 0.2; echo "two $WHO"',
    container: { env: ["WHO={{.Node.ID}}"] },
  });
  service = await TestService.create(cluster, {
    ...spec,
    task: { ...spec.task, placement: { maxReplicas: "1" }, logDriver: { name: "json-file", options: { env: "WHO" } } },
  });
});
afterAll(async () => {
  for (const process of started) process.kill("SIGKILL");
  await run("docker", ["-H", docker.address, "swarm", "leave", "--force"]).catch(() => undefined);
  await cluster?.stop();
  await docker?.stop();
});

const environment = () => ({ ...process.env, MSWARM_HOST: cluster.daemon("m1").controlPath });

async function logs(...args: string[]): Promise<{ out: string; err: string; exitCode: number }> {
  const words = ["service", "logs", ...args];
  return await run(mswarm, words, { env: environment() }).then(
    ({ stdout, stderr }) => ({ out: stdout, err: stderr, exitCode: 0 }),
    ({ stdout, stderr, code }: { stdout: string; stderr: string; code: number }) => ({
      out: stdout,
      err: stderr,
      exitCode: code,
    }),
  );
}

/** `logs --follow` in the background, its output so far, and its end by ctrl-c. */
function follow(...args: string[]): { text(): string; interrupt(): Promise<void> } {
  const process = spawn(mswarm, ["service", "logs", "--follow", ...args], { env: environment() });
  started.push(process);
  let text = "";
  process.stdout.on("data", (data: Buffer) => {
    text += data.toString();
  });
  return {
    text: () => text,
    interrupt: async () => {
      const exit = once(process, "exit");
      process.kill("SIGINT");
      await exit;
    },
  };
}

const sorted = (text: string): readonly string[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .sort();

test("all three kinds of node send their lines, in docker's layout, each stream where it belongs", async () => {
  const tasks = await service.running(3);
  expect(new Set(tasks.map(({ nodeId }) => nodeId)).size).toBe(3);
  const names = new Map((await cluster.nodes()).map(({ id, description }) => [id, description?.hostname ?? ""]));
  const lines = (word: string): readonly string[] =>
    tasks.map(
      ({ id = "", slot, nodeId = "" }) => `talk.${slot}.${id.slice(0, 12)}@${names.get(nodeId)}    | ${word} ${nodeId}`,
    );
  await eventually(async () => {
    const { out, err, exitCode } = await logs("talk");
    expect(sorted(out)).toEqual([...lines("one"), ...lines("two")].sort());
    expect(sorted(err)).toEqual([...lines("bad")].sort());
    expect(exitCode).toBe(0);
  });
});

test("tail, since, timestamps, details and raw hold on each of them", async () => {
  await eventually(async () =>
    expect(sorted((await logs("--raw", "--tail", "1", "talk")).out).map((line) => line.split(" ")[0])).toEqual([
      ...["two", "two"],
      "two",
    ]),
  );
  expect((await logs("--since", "2100-01-01T00:00:00Z", "talk")).out).toBe("");
  const { out } = await logs("--raw", "-t", "--details", "--tail", "1", "talk");
  for (const line of sorted(out)) {
    expect(line).toMatch(
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z WHO=(\w+),com\.docker\.swarm\.node\.id=\1,com\.docker\.swarm\.service\.id=\w+,com\.docker\.swarm\.task\.id=\w+ two \1$/,
    );
  }
  const [task] = await service.running(3);
  expect(sorted((await logs("--raw", task?.id ?? "")).out)).toEqual([`one ${task?.nodeId}`, `two ${task?.nodeId}`]);
});

test("who follows sees what is printed from now on, until ctrl-c", async () => {
  const reading = follow("--tail", "0", "talk");
  const tasks = await service.running(3);
  // Nothing says that a subscription has arrived everywhere: print until it has.
  await eventually(async () => {
    for (const task of tasks) {
      const print = "echo news of $WHO >/proc/1/fd/1";
      await run("docker", ["-H", docker.address, "exec", containerIdOf(task), "sh", "-c", print]);
    }
    for (const { nodeId } of tasks) expect(reading.text()).toContain(`| news of ${nodeId}\n`);
  });
  await reading.interrupt();
});

test("lines of a node that is down are named as missing", async () => {
  await cluster.daemon("w1").kill();
  await eventually(async () => expect((await cluster.node("w1")).status?.state).toBe("DOWN"));
  const { err, exitCode } = await logs("talk");
  expect(exitCode).toBe(1);
  expect(err).toMatch(/^logs of talk\.\d\.\w{12} are missing: node w1 is down$/m);
  expect(err).toMatch(/incomplete log stream.*node \w+ is not available/);
});
