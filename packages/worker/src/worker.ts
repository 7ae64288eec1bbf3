// The worker of a node: keeps a session with a manager and runs the tasks that it assigns. Built once by the daemon,
// run until the daemon stops or the node leaves.
import type { Engine } from "@mswarm/engine";
import { type ChildAbort, type Clock, childAbort, type Logger, messageOf, type Random, seconds } from "@mswarm/runtime";
import type { NodeDescription, SessionMessage } from "@mswarm/wire";
import type { ContainerSurroundings } from "./container/container-spec.ts";
import { NodeDescriber } from "./description/node-describer.ts";
import type { DescriptionOverrides } from "./description/node-description.ts";
import type { LogPublisherParts, LogSource } from "./logs/log-publisher.ts";
import { serveLogSubscriptions } from "./logs/log-subscriptions.ts";
import type { SecretMount } from "./secrets/secret-mount.ts";
import type { ManagerConnection } from "./session/connection.ts";
import { firstToEnd } from "./session/first-to-end.ts";
import { SessionLoop } from "./session/session-loop.ts";
import { ContainerEvents } from "./tasks/container-events.ts";
import { JournalWriter } from "./tasks/journal-writer.ts";
import { removeOrphans } from "./tasks/orphans.ts";
import { StatusReporter } from "./tasks/status-reporter.ts";
import type { TaskJournal } from "./tasks/task-journal.ts";
import { TaskManager } from "./tasks/task-manager.ts";

const announceTimeout = seconds(2);

export interface WorkerOptions {
  readonly nodeId: string;
  readonly engine: Engine;
  /** Chooses a manager and connects, anew for each session; see `managerConnector`. */
  connect(signal: AbortSignal): Promise<ManagerConnection>;
  /** What the daemon knows better than the engine; read anew for each description. */
  overrides?(): DescriptionOverrides;
  readonly secretMount: SecretMount;
  readonly journal: TaskJournal;
  /** Labels put on every container. */
  readonly extraLabels?: Readonly<Record<string, string>>;
  /** Address that host-mode ports bind; absent: all addresses. */
  readonly hostPortAddress?: string;
  /** Every message of every session: role and certificate of the node, managers, root certificate. Must not throw. */
  onSessionMessage?(message: SessionMessage): void;
  /** A session, or the attempt at one, failed; the worker goes on trying. */
  onSessionFailure?(error: unknown): void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export interface Worker {
  /**
   * Runs until the signal aborts (or `leave` is called), then resolves. Containers are left as they are for the next
   * run, which finds them again. To be called once.
   */
  run(signal: AbortSignal): Promise<void>;
  /** True while a manager has this node registered. */
  readonly hasSession: boolean;
  /** True when the managers have removed this node from the cluster: its tasks are gone, and no session will be had. */
  readonly wasRemoved: boolean;
  /** The daemon's overrides have changed (a new certificate): tell the manager now. */
  refreshDescription(): void;
  /**
   * Leaves the cluster: tells the manager where there is one, ends the run, and removes this node's task containers,
   * secrets and journal. Also for a worker that never ran.
   */
  leave(signal: AbortSignal): Promise<void>;
}

export function createWorker(options: WorkerOptions): Worker {
  return new SwarmWorker(options);
}

class SwarmWorker implements Worker {
  readonly #options: WorkerOptions;
  readonly #describer: NodeDescriber;
  #sessions: SessionLoop | undefined;
  #running: { readonly abort: ChildAbort; readonly ended: Promise<void> } | undefined;

  constructor(options: WorkerOptions) {
    this.#options = options;
    const { engine, clock, log } = options;
    this.#describer = new NodeDescriber({ engine, overrides: () => options.overrides?.() ?? {}, clock, log });
  }

  get hasSession(): boolean {
    return this.#sessions?.current !== undefined;
  }

  get wasRemoved(): boolean {
    return this.#sessions?.wasRemoved ?? false;
  }

  refreshDescription(): void {
    this.#describer.refresh();
  }

  async run(signal: AbortSignal): Promise<void> {
    const abort = childAbort(signal);
    const ended = this.#runAll(abort.signal).finally(abort.release);
    this.#running = { abort, ended };
    await ended;
  }

  async leave(signal: AbortSignal): Promise<void> {
    const { engine, nodeId, journal, secretMount, clock, log } = this.#options;
    await this.#announceLeave(signal);
    this.#running?.abort.abort();
    await this.#running?.ended;
    await removeOrphans({ engine, nodeId, clock, log }, () => true, signal);
    await secretMount.discard();
    await journal.clear();
  }

  async #runAll(signal: AbortSignal): Promise<void> {
    const { nodeId, engine, journal: disk, clock, random, log } = this.#options;
    const events = new ContainerEvents({ engine, clock, log });
    const reporter = new StatusReporter({ nodeId, log });
    const journal = new JournalWriter({ journal: disk, log });
    const tasks = new TaskManager(
      {
        ...this.#options,
        events,
        reporter,
        journal,
        surroundings: () => this.#surroundings(),
        remapsUsers: () => this.#describer.info?.remapsUsers ?? false,
      },
      signal,
    );
    await tasks.restore(await disk.load());
    this.#sessions = new SessionLoop({
      nodeId,
      connect: (abort) => this.#options.connect(abort),
      describe: (abort) => this.#describer.describe(abort),
      whenDescriptionChanges: (abort) => this.#describer.changed(abort),
      tasks,
      reporter,
      onMessage: (message) => this.#options.onSessionMessage?.(message),
      onFailure: (error) => this.#options.onSessionFailure?.(error),
      serveLogs: (connection, abort) => serveLogSubscriptions(connection, this.#logParts(tasks), abort),
      clock,
      random,
      log,
    });
    const sessions = this.#sessions;
    try {
      // None of them ends before the signal aborts.
      await firstToEnd(
        [(abort) => sessions.run(abort), (abort) => events.run(abort), (abort) => journal.run(abort)],
        signal,
      );
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      await tasks.close();
      await journal.flush();
    }
  }

  #logParts(tasks: TaskManager): LogPublisherParts {
    const { engine, nodeId, clock, log } = this.#options;
    return { engine, nodeId, clock, log, sources: (): Iterable<LogSource> => tasks.runners };
  }

  #surroundings(): ContainerSurroundings {
    const { nodeId, extraLabels = {}, hostPortAddress } = this.#options;
    const description: NodeDescription = this.#describer.current;
    return {
      node: {
        id: nodeId,
        hostname: description.hostname ?? "",
        operatingSystem: description.platform?.os ?? "",
        architecture: description.platform?.architecture ?? "",
      },
      extraLabels,
      ...(hostPortAddress === undefined ? {} : { hostPortAddress }),
    };
  }

  async #announceLeave(signal: AbortSignal): Promise<void> {
    const session = this.#sessions?.current;
    if (session === undefined) return;
    const { connection, sessionId } = session;
    try {
      await connection.peer.AnnounceLeave({ sessionId }, { signal, timeout: announceTimeout });
    } catch (error) {
      // A Docker manager does not know this call; it sees the missing heartbeats instead.
      this.#options.log.debug({ error: messageOf(error) }, "the leave could not be announced");
    }
  }
}
