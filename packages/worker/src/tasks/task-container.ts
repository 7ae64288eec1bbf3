// The container of one task: prepared, started, awaited, stopped and removed. Every operation may be repeated after a
// failure or a crash in between: the container is found again by its labels, and what is done already is not done twice.
import type { BindMount, ContainerState, Engine } from "@mswarm/engine";
import { type Clock, failedPrecondition, isSwarmError, type Logger, messageOf, SwarmError } from "@mswarm/runtime";
import type { Task } from "@mswarm/wire";
import {
  type ContainerSurroundings,
  containerCreateOf,
  containerSpecOf,
  stopGraceOf,
} from "../container/container-spec.ts";
import { nodeIdLabel, taskIdLabel, taskName } from "../container/task-names.ts";
import { type Dependencies, dependencyFiles, hasDependencyFiles } from "../secrets/dependency-files.ts";
import type { SecretMount } from "../secrets/secret-mount.ts";
import type { ContainerEvents } from "./container-events.ts";
import { awaitHealth, type HealthGuard, stopWhenUnhealthy } from "./container-health.ts";
import { containerDestroyed, noSuchContainer, TaskExit } from "./task-failure.ts";
import { fetchImage } from "./task-image.ts";

export interface TaskContainerParts {
  readonly engine: Engine;
  readonly events: ContainerEvents;
  readonly secretMount: SecretMount;
  /** What the dispatcher has given to this node, now. */
  dependencies(): Dependencies;
  /** What the node is, now. */
  surroundings(): ContainerSurroundings;
  /** True when root in a container is another user on the host. */
  remapsUsers(): boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

export class TaskContainer {
  readonly #taskId: string;
  readonly #parts: TaskContainerParts;
  #mayExist: boolean;
  #id: string | undefined;
  #state: ContainerState | undefined;
  /** The last operation has just done this, and nothing has failed since: the engine need not be asked about it. */
  #known: "made" | "started" | undefined;

  /** @param mayExist  the task was known to an earlier run of the daemon */
  constructor(taskId: string, parts: TaskContainerParts, mayExist: boolean) {
    this.#taskId = taskId;
    this.#parts = parts;
    this.#mayExist = mayExist;
  }

  /** Undefined while there is none. */
  get id(): string | undefined {
    return this.#id;
  }

  /** As it was when last looked at; undefined while none is known. */
  get state(): ContainerState | undefined {
    return this.#state;
  }

  /** Makes the container, with its image and its files. */
  async prepare(task: Task, signal: AbortSignal): Promise<void> {
    // Whether there is one is told by its creation too, but files must not be written for one that has them.
    if (this.#mayExist || hasDependencyFiles(task)) {
      const existing = await this.#find(signal);
      if (existing !== undefined) {
        if (existing.hasStarted || !(await this.#hasLostFiles(task))) return;
        await this.#discardContainer(existing.id, signal);
      }
    }
    this.#mayExist = true;
    await this.#create(task, signal);
  }

  /** Starts the container and waits until its health check, if it has one, is content. */
  async start(task: Task, signal: AbortSignal): Promise<void> {
    const known = this.#takeKnown();
    const found = known === "made" ? undefined : await this.#find(signal);
    if (known !== "made" && found === undefined) throw noSuchContainer(taskName(task));
    // It may have run and ended while nobody looked: then it is not started again.
    if (found?.hasStarted !== true) {
      if (await this.#hasLostFiles(task)) {
        if (this.#id !== undefined) await this.#discardContainer(this.#id, signal);
        await this.#create(task, signal);
      }
      await this.#startProcess(task, signal);
    }
    const state = await this.#look(signal);
    if (state.health !== "none") {
      const { events } = this.#parts;
      await awaitHealth(this.#inspected(signal), this.#stopper(task, signal), events.watch(state.id), signal);
      await this.#look(signal);
    }
    this.#known = "started";
  }

  /** Resolves when the process has ended well. TaskExit: it has not. */
  async wait(task: Task, signal: AbortSignal): Promise<void> {
    const found = this.#takeKnown() === "started" ? this.#state : await this.#find(signal);
    if (found === undefined) throw noSuchContainer(taskName(task));
    // The engine says of such a container that it is not running, exit code 0: that is not success.
    if (!found.hasStarted) throw failedPrecondition("the container was made anew and never started");
    const unhealthy = found.health === "none" ? undefined : this.#guardHealth(task, found.id, signal);
    const answer = await this.#parts.engine.waitContainer(found.id, signal).finally(() => unhealthy?.end());
    const cause = (await unhealthy?.cause) ?? "";
    if (answer.kind === "no-such-container") throw containerDestroyed();
    const state = await this.#parts.engine.inspectContainer(found.id, signal);
    if (state === undefined) throw containerDestroyed();
    this.#state = state;
    if (answer.exitCode !== 0 || cause !== "") throw new TaskExit(answer.exitCode, cause === "" ? state.error : cause);
  }

  /** Stops the process, if there is one, and leaves the container for whoever wants to read its logs. */
  async shutDown(task: Task, signal: AbortSignal): Promise<void> {
    if ((await this.#ownId(signal)) === undefined) return;
    await this.#stopper(task, signal)();
    await this.#find(signal);
  }

  /** Stops and removes the container, and wipes the files. */
  async remove(task: Task, signal: AbortSignal): Promise<void> {
    const id = await this.#ownId(signal);
    if (id !== undefined) {
      // What has been seen to be over needs no time to end.
      if (this.#state?.status !== "exited") await this.#stopper(task, signal)();
      await this.#discardContainer(id, signal);
    }
    await this.wipeFiles();
  }

  /** Deletes the files of secrets and configs; for a container that will not run again. */
  async wipeFiles(): Promise<void> {
    await this.#parts.secretMount.wipe(this.#taskId);
  }

  async #create(task: Task, signal: AbortSignal): Promise<void> {
    const { engine, secretMount, log } = this.#parts;
    const spec = containerSpecOf(task);
    const surroundings = this.#parts.surroundings();
    // Everything that can be refused is refused before a registry is asked or a secret is written.
    const files = dependencyFiles(task, this.#parts.dependencies(), surroundings.node);
    containerCreateOf(task, surroundings, []);
    if (files.length > 0 && this.#parts.remapsUsers()) {
      throw failedPrecondition("secrets and configs are not supported on an engine that remaps users (userns-remap)");
    }
    const image = spec.image ?? "";
    const pullFailure = await fetchImage(image, spec.pullOptions?.registryAuth, { engine, log }, signal);
    const placed = files.length === 0 ? [] : await secretMount.place(this.#taskId, files);
    const mounts = placed.map(({ source, target }): BindMount => ({ type: "bind", source, target, readOnly: true }));
    const answer = await engine
      .createContainer(containerCreateOf(task, surroundings, mounts), signal)
      .catch((error: unknown): never => {
        throw createFailure(error, mounts, pullFailure);
      });
    if (answer.kind === "created") {
      this.#id = answer.id;
      this.#known = "made";
      return;
    }
    // A crash between the creation and its record: the container with our name is ours, or somebody took the name.
    if ((await this.#find(signal)) === undefined) {
      throw failedPrecondition(`the container name "${taskName(task)}" is in use by a container of somebody else`);
    }
  }

  #takeKnown(): "made" | "started" | undefined {
    const known = this.#known;
    this.#known = undefined;
    return known;
  }

  /** Of the container, whether it is still there or not; undefined when there was none. */
  async #ownId(signal: AbortSignal): Promise<string | undefined> {
    return this.#id ?? (await this.#find(signal))?.id;
  }

  #guardHealth(task: Task, id: string, signal: AbortSignal): HealthGuard {
    const { events, clock } = this.#parts;
    return stopWhenUnhealthy(this.#inspected(signal), this.#stopper(task, signal), events.watch(id), clock, signal);
  }

  async #startProcess(task: Task, signal: AbortSignal): Promise<void> {
    try {
      const answer = await this.#parts.engine.startContainer(this.#id ?? "", signal);
      if (answer === "no-such-container") throw noSuchContainer(taskName(task));
    } catch (error) {
      if (!isSwarmError(error) || signal.aborted || error.code === "UNAVAILABLE") throw error;
      // For its exit code; what went wrong is known.
      await this.#find(signal).catch(() => undefined);
      throw new SwarmError(error.code, `starting container failed: ${error.message}`, { cause: error });
    }
  }

  /** True when the container's files were in memory that is gone: the machine has been restarted since. */
  async #hasLostFiles(task: Task): Promise<boolean> {
    return hasDependencyFiles(task) && !(await this.#parts.secretMount.holds(this.#taskId));
  }

  async #find(signal: AbortSignal): Promise<ContainerState | undefined> {
    const { engine } = this.#parts;
    if (this.#id === undefined) {
      const labels = { [taskIdLabel]: this.#taskId, [nodeIdLabel]: this.#parts.surroundings().node.id };
      this.#id = (await engine.listContainers(labels, signal))[0]?.id;
    }
    this.#state = this.#id === undefined ? undefined : await engine.inspectContainer(this.#id, signal);
    if (this.#state === undefined) this.#id = undefined;
    return this.#state;
  }

  async #look(signal: AbortSignal): Promise<ContainerState> {
    const state = await this.#find(signal);
    if (state === undefined) throw containerDestroyed();
    return state;
  }

  #inspected(signal: AbortSignal): () => Promise<ContainerState | undefined> {
    return () => this.#find(signal);
  }

  #stopper(task: Task, signal: AbortSignal): () => Promise<void> {
    return async () => {
      if (this.#id !== undefined) await this.#parts.engine.stopContainer(this.#id, stopGraceOf(task), signal);
    };
  }

  async #discardContainer(id: string, signal: AbortSignal): Promise<void> {
    await this.#parts.engine.removeContainer(id, { force: true }, signal);
    this.#id = undefined;
    this.#state = undefined;
  }
}

function createFailure(error: unknown, mounts: readonly BindMount[], pullFailure: string | undefined): unknown {
  if (!isSwarmError(error)) return error;
  if (error.code === "INVALID_ARGUMENT" && mounts.some(({ source }) => error.message.includes(source))) {
    return failedPrecondition(
      "the engine does not see the daemon's folder for secrets: daemon and engine must share it, at the same path and as the same mount (for a daemon in a container: bind it with propagation rshared)",
      { cause: error },
    );
  }
  if (error.code === "NOT_FOUND" && pullFailure !== undefined) {
    return new SwarmError("NOT_FOUND", `${messageOf(error)} (pulling it failed: ${pullFailure})`, { cause: error });
  }
  return error;
}
