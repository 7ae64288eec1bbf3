// The contract of `Engine`: run over the fake in unit tests and over a real dockerd in test/docker. The cases know no
// test runner, so that this file may be exported.
import assert from "node:assert/strict";
import { type Clock, isSwarmError, milliseconds, seconds } from "@mswarm/runtime";
import type { ContainerCreate, ContainerHealthcheck } from "../container-create.ts";
import type { Engine, EngineEvent, LogFrame } from "../engine.ts";
import { plainContainer } from "./plain-container.ts";

export interface EngineContractSubject {
  readonly engine: Engine;
  /** An image that is there, with a `sh`. */
  readonly image: string;
  /** Unique for each case: names begin with it, and each container carries it as label `mswarm.test`. */
  readonly runId: string;
  readonly clock: Clock;
}

export interface EngineContractCase {
  readonly name: string;
  run(subject: EngineContractSubject): Promise<void>;
}

const grace = milliseconds(0);
const forced = { force: true };

export const engineContract: readonly EngineContractCase[] = [
  {
    name: "an image that is there is found, another is not, and neither is an error",
    run: async ({ engine, image }) => {
      assert.equal(await engine.hasImage(image), true);
      assert.equal(await engine.hasImage("mswarm.invalid/nothing:here"), false);
    },
  },
  {
    name: "pulling an image that no registry has fails with a sentence",
    run: async ({ engine }) => {
      await assert.rejects(engine.pullImage("mswarm.invalid/nothing:here", undefined), isSwarmError);
    },
  },
  {
    name: "a container of an unknown image is not created",
    run: async (subject) => {
      const spec = { ...container(subject, ["sleep", "1000"]), image: "mswarm.invalid/nothing:here" };
      await assert.rejects(subject.engine.createContainer(spec), (error) => isSwarmError(error, "NOT_FOUND"));
    },
  },
  {
    name: "a second container of the same name is answered with name-in-use",
    run: async (subject) => {
      await create(subject, ["sleep", "1000"]);
      const answer = await subject.engine.createContainer(container(subject, ["sleep", "1000"]));
      assert.deepEqual(answer, { kind: "name-in-use" });
    },
  },
  {
    name: "a bind source that the engine does not see is refused, and the refusal names it",
    run: async (subject) => {
      const source = "/no-such-folder/no-such-file";
      const spec: ContainerCreate = {
        ...container(subject, ["sleep", "1000"]),
        mounts: [{ type: "bind", source, target: "/x", readOnly: true }],
      };
      await assert.rejects(
        subject.engine.createContainer(spec),
        (error) => isSwarmError(error, "INVALID_ARGUMENT") && error.message.includes(source),
      );
    },
  },
  {
    name: "a container is created, started, stopped and removed, and each step can be repeated",
    run: async (subject) => {
      const { engine } = subject;
      const id = await create(subject, ["sleep", "1000"]);
      const created = await engine.inspectContainer(id);
      assert.equal(created?.status, "created");
      assert.equal(created.hasStarted, false);
      assert.equal(created.labels["mswarm.test"], subject.runId);
      assert.equal(created.name, `${subject.runId}.main`);

      assert.equal(await engine.startContainer(id), "started");
      assert.equal(await engine.startContainer(id), "already-running");
      const running = await engine.inspectContainer(id);
      assert.equal(running?.status, "running");
      assert.equal(running.health, "none");
      assert.ok(running.pid > 0);

      assert.equal(await engine.stopContainer(id, grace), "stopped");
      assert.equal(await engine.stopContainer(id, grace), "already-stopped");
      const stopped = await engine.inspectContainer(id);
      assert.equal(stopped?.status, "exited");
      assert.equal(stopped.hasStarted, true);
      assert.equal(stopped.exitCode, 137);
      assert.deepEqual(await engine.waitContainer(id), { kind: "exited", exitCode: 137 });

      assert.equal(await engine.removeContainer(id, { force: false }), "removed");
      assert.equal(await engine.inspectContainer(id), undefined);
    },
  },
  {
    name: "an absent container is an answer, not a failure",
    run: async ({ engine }) => {
      const id = "0123456789ab".repeat(5).slice(0, 60);
      assert.equal(await engine.inspectContainer(id), undefined);
      assert.equal(await engine.startContainer(id), "no-such-container");
      assert.equal(await engine.stopContainer(id, grace), "no-such-container");
      assert.equal(await engine.removeContainer(id, forced), "no-such-container");
      assert.deepEqual(await engine.waitContainer(id), { kind: "no-such-container" });
      await assert.rejects(collect(engine.logs(id, allLogs)), (error) => isSwarmError(error, "NOT_FOUND"));
    },
  },
  {
    name: "wait answers with the exit code, also when it was asked before the end",
    run: async (subject) => {
      const id = await create(subject, ["sh", "-c", "exit 3"]);
      await subject.engine.startContainer(id);
      assert.deepEqual(await subject.engine.waitContainer(id), { kind: "exited", exitCode: 3 });

      const other = await create(subject, ["sleep", "1000"], "other");
      await subject.engine.startContainer(other);
      const waiting = subject.engine.waitContainer(other);
      await subject.engine.stopContainer(other, grace);
      assert.deepEqual(await waiting, { kind: "exited", exitCode: 137 });
    },
  },
  {
    name: "an abort ends a wait",
    run: async (subject) => {
      const id = await create(subject, ["sleep", "1000"]);
      await subject.engine.startContainer(id);
      const abort = new AbortController();
      const waiting = subject.engine.waitContainer(id, abort.signal);
      abort.abort();
      await assert.rejects(waiting);
    },
  },
  {
    name: "a program that is not in the image fails the start and leaves the container never started",
    run: async (subject) => {
      const id = await create(subject, ["/no-such-program"]);
      await assert.rejects(
        subject.engine.startContainer(id),
        (error) => isSwarmError(error) && error.code !== "UNAVAILABLE" && /no such file/.test(error.message),
      );
      assert.equal((await subject.engine.inspectContainer(id))?.hasStarted, false);
    },
  },
  {
    name: "a running container is removed only by force",
    run: async (subject) => {
      const id = await create(subject, ["sleep", "1000"]);
      await subject.engine.startContainer(id);
      await assert.rejects(subject.engine.removeContainer(id, { force: false }), (error) =>
        isSwarmError(error, "FAILED_PRECONDITION"),
      );
      assert.equal(await subject.engine.removeContainer(id, forced), "removed");
      assert.equal(await subject.engine.removeContainer(id, forced), "no-such-container");
    },
  },
  {
    name: "containers are listed by all their labels, in any state",
    run: async (subject) => {
      const id = await create(subject, ["sleep", "1000"]);
      const labels = { "mswarm.test": subject.runId };
      assert.deepEqual(
        (await subject.engine.listContainers(labels)).map((found) => [found.id, found.name, found.status]),
        [[id, `${subject.runId}.main`, "created"]],
      );
      assert.equal((await subject.engine.listContainers({ ...labels, "mswarm.test.empty": "" })).length, 1);
      assert.deepEqual(await subject.engine.listContainers({ ...labels, "mswarm.test.other": "x" }), []);
    },
  },
  {
    name: "logs keep streams apart, are whole lines with a time, and their tail is cut before streams are chosen",
    run: async (subject) => {
      const id = await create(subject, ["sh", "-c", "echo one; echo two; echo bad >&2; exit 0"]);
      await subject.engine.startContainer(id);
      await subject.engine.waitContainer(id);
      let frames: readonly LogFrame[] = [];
      // An engine may still be writing down the last lines when the process has ended.
      await until(subject, async () => {
        frames = await collect(subject.engine.logs(id, allLogs));
        return frames.length === 3;
      });
      assert.deepEqual(textOf(frames, "stdout"), ["one\n", "two\n"]);
      assert.deepEqual(textOf(frames, "stderr"), ["bad\n"]);
      assert.ok(frames.every((frame) => Number(frame.timestamp?.seconds) > 1_700_000_000));
      const last = await collect(subject.engine.logs(id, { ...allLogs, tail: 1 }));
      assert.deepEqual(last, frames.slice(-1));
      const stream = last[0]?.stream === "stdout" ? { stdout: false } : { stderr: false };
      assert.deepEqual(await collect(subject.engine.logs(id, { ...allLogs, ...stream, tail: 1 })), []);
    },
  },
  {
    name: "followed logs end when the container stops",
    run: async (subject) => {
      const id = await create(subject, ["sh", "-c", "echo ready; sleep 1000"]);
      await subject.engine.startContainer(id);
      const lines: string[] = [];
      for await (const frame of subject.engine.logs(id, { ...allLogs, follow: true })) {
        lines.push(frame.data.toString());
        await subject.engine.stopContainer(id, grace);
      }
      assert.deepEqual(lines, ["ready\n"]);
    },
  },
  {
    name: "events tell of start, end and removal",
    run: async (subject) => {
      const abort = new AbortController();
      const seen: EngineEvent[] = [];
      const reading = collectInto(seen, subject.engine.events(abort.signal));
      const id = await create(subject, ["sh", "-c", "exit 0"]);
      // The stream has begun when the first event of ours comes through; until then containers are made to talk.
      await until(subject, async () => {
        await subject.engine.startContainer(id);
        return seen.some((event) => event.containerId === id && event.action === "die");
      });
      await subject.engine.removeContainer(id, forced);
      await until(subject, async () => seen.some((event) => event.containerId === id && event.action === "destroy"));
      assert.ok(seen.some((event) => event.containerId === id && event.action === "start"));
      abort.abort();
      await assert.rejects(reading);
    },
  },
  {
    name: "health checks are run and their verdict is shown",
    run: async (subject) => {
      const check = (test: string): ContainerHealthcheck => ({
        test: ["CMD-SHELL", test],
        interval: milliseconds(100),
        timeout: seconds(5),
        retries: 1,
      });
      const good = await create(subject, ["sleep", "1000"], "good", { healthcheck: check("exit 0") });
      const bad = await create(subject, ["sleep", "1000"], "bad", { healthcheck: check("exit 1") });
      for (const id of [good, bad]) await subject.engine.startContainer(id);
      await until(subject, async () => (await subject.engine.inspectContainer(good))?.health === "healthy");
      await until(subject, async () => (await subject.engine.inspectContainer(bad))?.health === "unhealthy");
    },
  },
  {
    name: "the engine describes itself",
    run: async ({ engine }) => {
      const info = await engine.info();
      assert.ok(info.cpus > 0 && info.memoryBytes > 0 && info.version !== "" && info.architecture !== "");
      assert.equal(info.operatingSystem, "linux");
      assert.ok(info.plugins.some(({ type, name }) => type === "Network" && name === "host"));
      assert.equal(info.inSwarm, false);
    },
  },
];

const allLogs = { stdout: true, stderr: true, follow: false } as const;

function container(
  { image, runId }: EngineContractSubject,
  command: readonly string[],
  name = "main",
): ContainerCreate {
  return {
    ...plainContainer(`${runId}.${name}`, image),
    labels: { "mswarm.test": runId, "mswarm.test.empty": "" },
    command,
    network: "none",
  };
}

async function create(
  subject: EngineContractSubject,
  command: readonly string[],
  name?: string,
  more: Partial<ContainerCreate> = {},
): Promise<string> {
  const answer = await subject.engine.createContainer({ ...container(subject, command, name), ...more });
  assert.equal(answer.kind, "created");
  return answer.kind === "created" ? answer.id : "";
}

async function collect(frames: AsyncIterable<LogFrame>): Promise<readonly LogFrame[]> {
  const all: LogFrame[] = [];
  await collectInto(all, frames);
  return all;
}

async function collectInto<T>(list: T[], items: AsyncIterable<T>): Promise<void> {
  for await (const item of items) list.push(item);
}

const textOf = (frames: readonly LogFrame[], stream: LogFrame["stream"]): readonly string[] =>
  frames.filter((frame) => frame.stream === stream).map((frame) => frame.data.toString());

async function until(subject: EngineContractSubject, holds: () => Promise<boolean>): Promise<void> {
  const start = subject.clock.monotonic();
  while (!(await holds())) {
    assert.ok(subject.clock.monotonic() - start < seconds(90), "the engine did not get there within 90 s");
    await subject.clock.sleep(milliseconds(50));
  }
}
