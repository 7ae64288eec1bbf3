import { aborted, type Duration } from "@mswarm/runtime";
import { Feed } from "./feed.ts";

/** The kinds of streams that a session has; one of each at a time. */
export type StreamKind = "session" | "assignments" | "tasks";

/** One registration of a node with the dispatcher of the present leader. */
export class Session {
  readonly nodeId: string;
  readonly id: string;
  readonly #feeds = new Map<StreamKind, Feed>();

  constructor(nodeId: string, id: string) {
    this.nodeId = nodeId;
    this.id = id;
  }

  /**
   * Opens the feed of a stream. An earlier stream of the same kind ends: its connection is most likely gone without
   * our knowing, and a node must not be able to pile them up.
   */
  open(kind: StreamKind, caller: AbortSignal): Feed {
    this.#feeds.get(kind)?.end(aborted("replaced by a newer stream of the same session"));
    const feed = new Feed(caller);
    this.#feeds.set(kind, feed);
    return feed;
  }

  /** After a stream is over; true when no newer one has taken its place. */
  close(kind: StreamKind, feed: Feed): boolean {
    feed.release();
    return this.#feeds.get(kind) === feed && this.#feeds.delete(kind);
  }

  /** The node object, the managers or the root certificate changed. */
  notify(): void {
    this.#feeds.get("session")?.notify();
  }

  taskChanged(taskId: string): void {
    this.#feeds.get("assignments")?.taskChanged(taskId);
    this.#feeds.get("tasks")?.taskChanged(taskId);
  }

  /** All streams of the session fail with `error`. */
  end(error: Error): void {
    for (const feed of this.#feeds.values()) feed.end(error);
  }
}

/** How often a node registered lately. */
export interface RegistrationCount {
  readonly count: number;
  /** When the last registration was accepted, on the monotonic clock. */
  readonly at: Duration;
}
