// What has happened to the cluster's objects, as this manager sees it: the last events, and those to come.
import { type Clock, type Logger, messageOf, milliseconds, TaskGroup, Wakeup } from "@mswarm/runtime";
import type { FaceContext } from "../routing/face-context.ts";
import { type DockerEvent, dockerEvent } from "./docker-event.ts";

/** As many as an engine remembers. */
const remembered = 256;
/** How soon a node that has become a manager begins to watch. */
const managerPoll = milliseconds(100);
/** How long, and how often, a client's request waits for the watch to begin. */
const followingPause = milliseconds(5);
const followingTries = 200;
const watched = ["node", "service", "network", "secret", "config"].flatMap((kind) =>
  (["WATCH_ACTION_CREATE", "WATCH_ACTION_UPDATE", "WATCH_ACTION_REMOVE"] as const).map((action) => ({ kind, action })),
);

export interface SwarmEventsParts {
  readonly context: Pick<FaceContext, "nodeState" | "watch">;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What one client follows. */
export interface Subscription {
  /** What was remembered when it began, oldest first. */
  readonly history: readonly DockerEvent[];
  close(): void;
}

export class SwarmEvents {
  readonly #parts: SwarmEventsParts;
  readonly #history: DockerEvent[] = [];
  readonly #listeners = new Set<(event: DockerEvent) => void>();
  readonly #tasks: TaskGroup;
  readonly #wakeup = new Wakeup();
  #isFollowing = false;

  constructor(parts: SwarmEventsParts) {
    this.#parts = parts;
    this.#tasks = new TaskGroup(new AbortController().signal, (name, error) =>
      parts.log.error({ task: name, err: error }, "the events of the swarm are no longer followed"),
    );
  }

  /** Follows the manager of this node from now on, whenever there is one. */
  start(): void {
    this.#tasks.run("swarm events", (signal) => this.#follow(signal));
  }

  /**
   * Resolves when the manager of this node is followed, at once where there is none, and after a second at the latest: what a
   * client does to the swarm after that is told as an event.
   */
  async following(): Promise<void> {
    const { context, clock } = this.#parts;
    for (let tries = 0; tries < followingTries && !this.#isFollowing && context.nodeState().isManager; tries += 1) {
      this.#wakeup.notify();
      await clock.sleep(followingPause);
    }
  }

  async close(): Promise<void> {
    await this.#tasks.close();
  }

  /** @param onEvent  told of each event from now on, until the subscription is closed */
  subscribe(onEvent: (event: DockerEvent) => void): Subscription {
    // A function of its own: one that is given twice is two subscriptions.
    const listener = (event: DockerEvent): void => onEvent(event);
    this.#listeners.add(listener);
    return { history: [...this.#history], close: () => void this.#listeners.delete(listener) };
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { clock, context, log } = this.#parts;
    while (!signal.aborted) {
      try {
        if (context.nodeState().isManager) await this.#watch(signal);
      } catch (error) {
        if (!signal.aborted) log.debug({ reason: messageOf(error) }, "the watch of the swarm's objects has ended");
      }
      const timer = clock.timer(managerPoll, () => this.#wakeup.notify());
      await this.#wakeup.wait(signal).finally(() => timer.cancel());
    }
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const watch = await this.#parts.context.watch();
    try {
      // The first message says that it has begun, and nothing else.
      for await (const { events = [] } of watch.Watch({ entries: watched, includeOldObject: true }, { signal })) {
        this.#isFollowing = true;
        for (const event of events) this.#publish(dockerEvent(event, this.#parts.clock));
      }
    } finally {
      this.#isFollowing = false;
    }
  }

  #publish(event: DockerEvent | undefined): void {
    if (event === undefined) return;
    this.#history.push(event);
    if (this.#history.length > remembered) this.#history.shift();
    for (const listener of this.#listeners) listener(event);
  }
}
