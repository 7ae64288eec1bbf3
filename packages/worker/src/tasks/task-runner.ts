// One small loop for each task: look into the table of steps, do one thing, report, repeat.
import { isDeepStrictEqual } from "node:util";
import {
  type ChildAbort,
  type Clock,
  childAbort,
  isSwarmError,
  type Logger,
  messageOf,
  seconds,
  throwIfAborted,
  Wakeup,
  wireTimestamp,
} from "@mswarm/runtime";
import type { PortStatus, Task, TaskState, TaskStatus } from "@mswarm/wire";
import type { JournalWriter } from "./journal-writer.ts";
import type { StatusReporter } from "./status-reporter.ts";
import type { TaskContainer } from "./task-container.ts";
import { withoutCredentials } from "./task-journal.ts";
import { isTerminal, knownState, nextMove, rankOf, type TaskAction, taskSteps } from "./task-steps.ts";

const retryDelay = seconds(1);

export interface TaskRunnerParts {
  readonly container: TaskContainer;
  readonly reporter: Pick<StatusReporter, "report" | "forget">;
  readonly journal: Pick<JournalWriter, "save" | "forget">;
  readonly clock: Clock;
  readonly log: Logger;
}

export class TaskRunner {
  readonly #id: string;
  #task: Task;
  #status: TaskStatus;
  /** False: known from the journal only. Its secrets and registry credentials come with the next session. */
  #isAssigned: boolean;
  #isRemoved = false;
  readonly #parts: TaskRunnerParts;
  readonly #wakeup = new Wakeup();
  #operation: ChildAbort | undefined;

  constructor(
    task: Task,
    options: { readonly status: TaskStatus | undefined; readonly isAssigned: boolean },
    parts: TaskRunnerParts,
  ) {
    this.#id = task.id ?? "";
    this.#task = withKnownDesire(task);
    this.#status = options.status ?? { ...task.status, state: knownState(task.status?.state) };
    this.#isAssigned = options.isAssigned;
    this.#parts = parts;
    if (options.status !== undefined) parts.reporter.report(this.#id, this.#status);
  }

  get task(): Task {
    return this.#task;
  }

  get state(): TaskState {
    return this.#status.state ?? "NEW";
  }

  /** Of a container that has been started: whoever follows the logs of one that has not gets an end instead of lines. */
  get containerId(): string | undefined {
    const { state } = this.#parts.container;
    return state?.hasStarted === true ? state.id : undefined;
  }

  /** The dispatcher's newest word on the task; its status is ignored, and a lower desired state, too. */
  update(assigned: Task): void {
    const task = withKnownDesire(assigned);
    const isLower = rankOf(task.desiredState ?? "NEW") < rankOf(this.#desired);
    const previous = this.#task;
    this.#task = isLower ? { ...task, desiredState: this.#desired } : task;
    this.#isAssigned = true;
    // Every session begins with all tasks again; the disk need not hear of those that have not changed.
    if (!isSameAssignment(previous, this.#task)) this.#save();
    this.#interruptIfPointless();
    this.#wakeup.notify();
  }

  /** The task is not assigned any more: its container goes, then `run` ends. */
  remove(): void {
    this.#isRemoved = true;
    this.#interruptIfPointless();
    this.#wakeup.notify();
  }

  /**
   * Runs the task until it is removed; an abort leaves its container as it is, for the next start of the daemon.
   */
  async run(signal: AbortSignal): Promise<void> {
    this.#save();
    while (!this.#isRemoved) {
      throwIfAborted(signal);
      const move = this.#move();
      if (move.kind === "stay") await this.#wakeup.wait(signal);
      else if (move.kind === "become") this.#become(move.next, move.message);
      else if (move.kind === "act") await this.#act(move.action, move.next, move.message, signal);
      else await this.#shutDown(signal);
    }
    await this.#removeContainer(signal);
    this.#parts.reporter.forget(this.#id);
    this.#parts.journal.forget(this.#id);
  }

  get #desired(): TaskState {
    return this.#task.desiredState ?? "NEW";
  }

  #move(): ReturnType<typeof nextMove> {
    const move = nextMove(this.state, this.#desired);
    const needsAssignment = rankOf(this.state) <= rankOf("STARTING") && move.kind !== "shut-down";
    return needsAssignment && !this.#isAssigned ? { kind: "stay" } : move;
  }

  async #act(action: TaskAction, next: TaskState, message: string, signal: AbortSignal): Promise<void> {
    const operation = childAbort(signal);
    this.#operation = operation;
    try {
      await this.#perform(action, operation.signal);
      this.#become(next, message);
    } catch (error) {
      throwIfAborted(signal);
      // Interrupted by a newer assignment; the loop looks at it.
      if (operation.signal.aborted) return;
      if (isSwarmError(error, "UNAVAILABLE")) await this.#retryLater(error, signal);
      else this.#fail(error);
    } finally {
      operation.release();
      this.#operation = undefined;
      if (isTerminal(this.state)) await this.#wipeFiles();
    }
  }

  async #perform(action: TaskAction, signal: AbortSignal): Promise<void> {
    switch (action) {
      case "prepare":
        return await this.#parts.container.prepare(this.#task, signal);
      case "start":
        return await this.#parts.container.start(this.#task, signal);
      case "wait":
        return await this.#parts.container.wait(this.#task, signal);
    }
  }

  async #shutDown(signal: AbortSignal): Promise<void> {
    try {
      await this.#parts.container.shutDown(this.#task, signal);
    } catch (error) {
      throwIfAborted(signal);
      return await this.#retryLater(error, signal);
    }
    this.#become("SHUTDOWN", "shutdown");
    await this.#wipeFiles();
  }

  async #removeContainer(signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        return await this.#parts.container.remove(this.#task, signal);
      } catch (error) {
        throwIfAborted(signal);
        this.#parts.log.warn(
          { taskId: this.#id, error: messageOf(error) },
          "a task's container could not be removed yet",
        );
        await this.#parts.clock.sleep(retryDelay, signal);
      }
    }
  }

  /** The engine did not answer: the task stays where it is, says why, and tries again. */
  async #retryLater(error: unknown, signal: AbortSignal): Promise<void> {
    const err = messageOf(error);
    if (this.#status.err !== err) this.#become(this.state, this.#status.message ?? "", err);
    const pause = this.#parts.clock.timer(retryDelay, () => this.#wakeup.notify());
    try {
      await this.#wakeup.wait(signal);
    } finally {
      pause.cancel();
    }
  }

  #fail(error: unknown): void {
    const step = taskSteps[this.state];
    if (step.kind === "end") return;
    // The message stays that of the last step that went well; the reason is in `err`.
    this.#become(step.onFailure, this.#status.message ?? "", messageOf(error));
  }

  #become(state: TaskState, message: string, err?: string): void {
    const from = this.state;
    this.#status = {
      timestamp: wireTimestamp(this.#parts.clock.now()),
      state,
      message,
      ...(err === undefined ? {} : { err }),
      ...(rankOf(state) < rankOf("STARTING") ? {} : this.#containerStatus()),
    };
    const level = err === undefined ? "debug" : "info";
    const cause = err === undefined ? {} : { error: err };
    this.#parts.log[level]({ taskId: this.#id, from, to: state, ...cause }, "a task changed its state");
    this.#parts.reporter.report(this.#id, this.#status);
    this.#save();
  }

  #containerStatus(): Pick<TaskStatus, "container" | "portStatus"> {
    const { id, state } = this.#parts.container;
    // A container that is only just made: clients may look into it while it starts.
    if (state === undefined) return id === undefined ? {} : { container: { containerId: id } };
    const { id: containerId, pid, exitCode } = state;
    const container = { containerId, ...(pid === 0 ? {} : { pid }), ...(exitCode === 0 ? {} : { exitCode }) };
    const ports: NonNullable<PortStatus["ports"]> = state.publishedPorts.map((port) => ({
      protocol: ({ tcp: "TCP", udp: "UDP", sctp: "SCTP" } as const)[port.protocol],
      targetPort: port.containerPort,
      publishedPort: port.hostPort,
      publishMode: "HOST",
    }));
    return { container, ...(ports.length === 0 ? {} : { portStatus: { ports } }) };
  }

  #save(): void {
    if (!this.#isRemoved) this.#parts.journal.save({ task: this.#task, status: this.#status });
  }

  async #wipeFiles(): Promise<void> {
    try {
      await this.#parts.container.wipeFiles();
    } catch (error) {
      this.#parts.log.error({ taskId: this.#id, error: messageOf(error) }, "a task's secrets could not be wiped");
    }
  }

  #interruptIfPointless(): void {
    if (this.#isRemoved || rankOf(this.#desired) >= rankOf("SHUTDOWN")) this.#operation?.abort();
  }
}

/** What this version cannot know is not asked for: the task stays where it is. */
function withKnownDesire(task: Task): Task {
  const desiredState = knownState(task.desiredState);
  return desiredState === task.desiredState ? task : { ...task, desiredState };
}

/** True when two versions of a task ask for the same: status and version are the manager's affair. */
function isSameAssignment(a: Task, b: Task): boolean {
  const { meta: _metaOfA, status: _statusOfA, ...askedByA } = withoutCredentials(a);
  const { meta: _metaOfB, status: _statusOfB, ...askedByB } = withoutCredentials(b);
  return isDeepStrictEqual(askedByA, askedByB);
}
