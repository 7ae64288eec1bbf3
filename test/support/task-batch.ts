// Services on a stock Docker swarm and on mswarm, made all at once, and what their tasks read of themselves.
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { seconds } from "@mswarm/runtime";
import { expect } from "vitest";
import type { EngineVersion } from "./docker-engine.ts";
import type { DockerTask } from "./docker-swarms.ts";
import { type EngineApiPair, type Side, startEngineApiPair } from "./engine-api-pair.ts";
import { eventually } from "./eventually.ts";
import { type Readback, readbackCommand, readTask } from "./task-readback.ts";

const run = promisify(execFile);
/** For the first task of a batch of a hundred. */
const patience = seconds(300);

export interface TaskRequest {
  readonly name: string;
  /**
   * `TaskTemplate.ContainerSpec`, besides image and command. `@folder` in it stands for a folder of the host with a file and
   * another mount below it, whose mounts are shared; `@password`, `@token` and `@page` for the ids of secrets and a config.
   */
  readonly container?: object;
  /** The rest of `TaskTemplate`. */
  readonly task?: object;
  /** What the service has besides. */
  readonly service?: object;
}

/** What Docker's task is and ours. */
export interface Both<T> {
  readonly theirs: T;
  readonly ours: T;
}

const payloads = [
  ["secrets", "password"],
  ["secrets", "token"],
  ["configs", "page"],
] as const;

export class TaskBatch {
  readonly #pair: EngineApiPair;
  readonly #folder: string;
  readonly #version: string;
  readonly #words = new Map<Side, ReadonlyMap<string, string>>();
  readonly #services = new Map<string, Both<Promise<string>>>();

  private constructor(pair: EngineApiPair, folder: string, version: string) {
    this.#pair = pair;
    this.#folder = folder;
    this.#version = version;
  }

  /**
   * Two swarms of one node each.
   * @param options.api  which API version is spoken, such as `v1.41`
   * @param options.version  of both engines; the machine's own where absent
   */
  static async start(options: { readonly api: string; readonly version?: EngineVersion }): Promise<TaskBatch> {
    const { api, version } = options;
    const pair = await startEngineApiPair(version);
    const batch = new TaskBatch(pair, await sharedFolder(), api);
    try {
      await batch.#both((side) => batch.#prepare(side));
      return batch;
    } catch (error) {
      await batch.stop();
      throw error;
    }
  }

  /** Makes the service on both sides; what comes of it is asked later. */
  create(request: TaskRequest): void {
    const made = (side: Side): Promise<string> => {
      const id = this.#create(side, request);
      // Whose test it is, says it.
      id.catch(() => undefined);
      return id;
    };
    this.#services.set(request.name, { theirs: made(this.#pair.docker), ours: made(this.#pair.mswarm) });
  }

  /** Waits until both tasks run and have read everything. Fails where one cannot run. */
  async read(name: string): Promise<Both<Readback>> {
    return await this.#both(async (side, service) => {
      return await readTask(side, await this.#container(side, await service));
    }, name);
  }

  async stop(): Promise<void> {
    await this.#pair.stop();
    await removeShared(this.#folder);
  }

  async #both<T>(act: (side: Side, service: Promise<string>) => Promise<T>, name = ""): Promise<Both<T>> {
    const none = Promise.resolve("");
    const { theirs = none, ours = none } = this.#services.get(name) ?? {};
    const [docker, mswarm] = await Promise.all([act(this.#pair.docker, theirs), act(this.#pair.mswarm, ours)]);
    return { theirs: docker, ours: mswarm };
  }

  async #ask(side: Side, method: string, path: string, body?: object): Promise<string> {
    const answer = await side.ask({ method, path: `/${this.#version}/${path}`, body });
    const text = answer.body.toString();
    if (answer.status <= 201) return text;
    throw expect.fail(
      `${method} ${path}: ${answer.status} ${(JSON.parse(text) as { readonly message: string }).message}`,
    );
  }

  async #prepare(side: Side): Promise<void> {
    const addresses = { ListenAddr: side.listenAddress, AdvertiseAddr: side.listenAddress };
    // A machine that starts so many containers at once may be silent for longer than a node may otherwise be.
    const Spec = { Dispatcher: { HeartbeatPeriod: 60_000_000_000 } };
    await this.#ask(side, "POST", "swarm/init", { ...addresses, Spec });
    const words = new Map([["@folder", this.#folder]]);
    for (const [kind, name] of payloads) {
      const Data = Buffer.from(`the ${name}\n`).toString("base64");
      const made = JSON.parse(await this.#ask(side, "POST", `${kind}/create`, { Name: name, Data }));
      words.set(`@${name}`, (made as { readonly ID: string }).ID);
    }
    this.#words.set(side, words);
  }

  async #create(side: Side, { name, container, task, service }: TaskRequest): Promise<string> {
    const own = { Image: this.#pair.image, Command: readbackCommand, StopGracePeriod: 2_000_000_000 };
    const template = { ContainerSpec: { ...own, ...container }, RestartPolicy: { Condition: "none" }, ...task };
    const words = this.#words.get(side);
    const text = JSON.stringify({ Name: name, TaskTemplate: template, ...service });
    const body = JSON.parse(text.replace(/@\w+/g, (word) => words?.get(word) ?? word)) as object;
    return (JSON.parse(await this.#ask(side, "POST", "services/create", body)) as { readonly ID: string }).ID;
  }

  /** The container of the service's only task, once that runs: after those of all services that were made before. */
  async #container(side: Side, service: string): Promise<string> {
    const task = await eventually(async () => {
      const [first] = await this.#tasks(side, service);
      const fate = first === undefined ? "no task" : fateOf(first);
      expect(fate).toMatch(settled);
      expect(fate).not.toMatch(/^pending/);
      return first;
    }, patience);
    // A task that has ended never runs.
    expect(task === undefined ? "" : fateOf(task), `on ${side.name}`).toBe("running");
    return task?.Status.ContainerStatus?.ContainerID ?? "";
  }

  async #tasks(side: Side, service: string): Promise<readonly DatedTask[]> {
    const filters = encodeURIComponent(JSON.stringify({ service: [service] }));
    const tasks = JSON.parse(await this.#ask(side, "GET", `tasks?filters=${filters}`)) as DatedTask[];
    return tasks.sort((left, right) => (left.CreatedAt < right.CreatedAt ? -1 : 1));
  }
}

interface DatedTask extends DockerTask {
  readonly CreatedAt: string;
}

/** Its state and what is said of it. */
function fateOf({ Status }: DockerTask): string {
  const { State: state, Err: why = "", ContainerStatus } = Status;
  const container = ContainerStatus?.ContainerID ?? "";
  const said = container === "" ? why : why.replaceAll(container, "CONTAINER");
  return why === "" ? state : `${state}: ${said.replace(/\/tmp\/ms[ep]-\w{6}/g, "/FOLDER")}`;
}

/** Of fates that are no step on the way to another; a task may wait for a better time, though. */
const settled = /^(running|complete|failed|rejected|shutdown|orphaned|pending: .)/;

async function sharedFolder(): Promise<string> {
  const folder = await mkdtemp("/tmp/msi-");
  await run("mount", ["--bind", folder, folder]);
  await run("mount", ["--make-shared", folder]);
  await run("mount", ["--mkdir", "-t", "tmpfs", "below", `${folder}/below`]);
  await writeFile(`${folder}/file`, "of the host\n");
  return folder;
}

async function removeShared(folder: string): Promise<void> {
  await run("umount", ["--recursive", folder]);
  await rm(folder, { recursive: true });
}
