// The manager's side of a worker's session, in memory: registers, assigns, collects statuses and logs.
import {
  AsyncQueue,
  aborted,
  invalidArgument,
  type SwarmError,
  seconds,
  unavailable,
  wireDuration,
} from "@mswarm/runtime";
import type {
  AssignmentChange,
  AssignmentsMessage,
  LogMessage,
  NodeDescription,
  SessionMessage,
  SubscriptionMessage,
  TaskStatus,
} from "@mswarm/wire";
import type { ManagerConnection } from "../session/connection.ts";

interface LiveStreams {
  readonly session: AsyncQueue<SessionMessage>;
  readonly assignments: Set<AsyncQueue<AssignmentsMessage>>;
  readonly subscriptions: AsyncQueue<SubscriptionMessage>;
}

const queueLimit = 10_000;

export class FakeManager {
  /** Every description with which a session was asked for. */
  readonly descriptions: NodeDescription[] = [];
  /** The session id that the worker offered each time; "" the first time. */
  readonly offeredSessions: string[] = [];
  /** Every status of each task, oldest first. */
  readonly statuses: Map<string, TaskStatus[]> = new Map();
  readonly outcomes: ("good" | "bad")[] = [];
  readonly announcedLeaves: string[] = [];
  readonly published: Map<string, LogMessage[]> = new Map();
  readonly closedSubscriptions: Set<string> = new Set();
  heartbeats = 0;
  /** How often the complete set was sent. */
  completeSets = 0;
  /** Set: connecting fails with it. */
  unreachable: SwarmError | undefined;
  /** Set: heartbeats are refused with it. */
  heartbeatRefusal: SwarmError | undefined;
  /** Set: the next status call is refused with it, once. */
  statusRefusal: SwarmError | undefined;
  /** True: every stream of assignments begins with a message that follows on none. */
  sendsOnlyGaps = false;
  /** True: sessions are asked for, and nothing comes. */
  isSilent = false;
  readonly #tasks = new Map<string, AssignmentChange>();
  readonly #dependencies = new Map<string, AssignmentChange>();
  #live: LiveStreams | undefined;
  #sessionNumber = 0;
  #sequence = 0;

  get hasSession(): boolean {
    return this.#live !== undefined;
  }

  /** What `createWorker` takes as `connect`. */
  readonly connect = async (): Promise<ManagerConnection> => {
    if (this.unreachable !== undefined) throw this.unreachable;
    return {
      manager: "fake:2377",
      dispatcher: {
        Session: (request, options) => this.#session(request, options?.signal),
        Heartbeat: async () => {
          if (this.heartbeatRefusal !== undefined) throw this.heartbeatRefusal;
          this.heartbeats += 1;
          return { period: wireDuration(seconds(5)) };
        },
        Assignments: (_request, options) => this.#assignments(options?.signal),
        UpdateTaskStatus: async ({ updates = [] }) => {
          const refusal = this.statusRefusal;
          this.statusRefusal = undefined;
          if (refusal !== undefined) throw refusal;
          for (const { taskId = "", status } of updates) {
            this.statuses.set(taskId, [...(this.statuses.get(taskId) ?? []), (status ?? {}) as TaskStatus]);
          }
          return {};
        },
      },
      logBroker: {
        ListenSubscriptions: (_request, options) => this.#subscriptions(options?.signal),
        PublishLogs: async (requests) => {
          for await (const { subscriptionId = "", messages = [], close } of requests) {
            const all = this.published.get(subscriptionId) ?? [];
            this.published.set(subscriptionId, [...all, ...(messages as LogMessage[])]);
            if (close === true) this.closedSubscriptions.add(subscriptionId);
          }
          return {};
        },
      },
      peer: {
        AnnounceLeave: async ({ sessionId = "" }) => {
          this.announcedLeaves.push(sessionId);
          return {};
        },
      },
      close: (outcome) => {
        this.outcomes.push(outcome);
        this.#live = undefined;
      },
    };
  };

  /** Assigns, or assigns anew; incremental for a worker that has a session. */
  assign(...changes: readonly NonNullable<AssignmentChange["assignment"]>[]): void {
    this.#change(changes.map((assignment) => ({ assignment, action: "UPDATE" as const })));
  }

  /** Takes back; the objects need their ids only. */
  takeBack(...changes: readonly NonNullable<AssignmentChange["assignment"]>[]): void {
    this.#change(changes.map((assignment) => ({ assignment, action: "REMOVE" as const })));
  }

  /** Sends an incremental message that does not follow on the last one. */
  sendGap(): void {
    this.#sequence += 5;
    this.#send({ type: "INCREMENTAL", appliesTo: String(this.#sequence), resultsIn: String(this.#sequence + 1) });
  }

  /** Tells something in the session, such as a changed node. */
  tell(message: Partial<SessionMessage>): void {
    this.#live?.session.push({ sessionId: this.#sessionId, ...message });
  }

  subscribe(message: SubscriptionMessage): void {
    this.#live?.subscriptions.push(message);
  }

  /** Ends the session as a manager does that stops leading. */
  dropSession(error: SwarmError = aborted("node must disconnect")): void {
    this.#live?.session.fail(error);
  }

  lastStatus(taskId: string): TaskStatus | undefined {
    return this.statuses.get(taskId)?.at(-1);
  }

  statesOf(taskId: string): readonly string[] {
    return (this.statuses.get(taskId) ?? []).map(({ state }) => state ?? "NEW");
  }

  get #sessionId(): string {
    return `session${this.#sessionNumber}`;
  }

  async *#session(
    request: { readonly sessionId?: string; readonly description?: unknown },
    signal: AbortSignal | undefined,
  ): AsyncGenerator<SessionMessage> {
    this.offeredSessions.push(request.sessionId ?? "");
    this.descriptions.push((request.description ?? {}) as NodeDescription);
    const session = new AsyncQueue<SessionMessage>(queueLimit);
    if (!this.isSilent) {
      if (request.sessionId !== this.#sessionId) this.#sessionNumber += 1;
      this.#live = { session, assignments: new Set(), subscriptions: new AsyncQueue(queueLimit) };
      this.tell({});
    }
    yield* read(session, signal);
  }

  async *#assignments(signal: AbortSignal | undefined): AsyncGenerator<AssignmentsMessage> {
    const live = this.#live;
    if (live === undefined) throw invalidArgument("session invalid");
    const queue = new AsyncQueue<AssignmentsMessage>(queueLimit);
    live.assignments.add(queue);
    this.#sequence = 1;
    this.completeSets += 1;
    if (this.sendsOnlyGaps) queue.push({ type: "INCREMENTAL", appliesTo: "7", resultsIn: "8" });
    else queue.push({ resultsIn: "1", changes: [...this.#tasks.values(), ...this.#dependencies.values()] });
    try {
      yield* read(queue, signal);
    } finally {
      live.assignments.delete(queue);
    }
  }

  async *#subscriptions(signal: AbortSignal | undefined): AsyncGenerator<SubscriptionMessage> {
    if (this.#live === undefined) throw unavailable("no session");
    yield* read(this.#live.subscriptions, signal);
  }

  #change(changes: readonly AssignmentChange[]): void {
    for (const change of changes) {
      const { task, secret, config } = change.assignment ?? {};
      const known = task === undefined ? this.#dependencies : this.#tasks;
      const id = task?.id ?? secret?.id ?? config?.id ?? "";
      if (change.action === "REMOVE") known.delete(id);
      else known.set(id, change);
    }
    const appliesTo = String(this.#sequence);
    this.#sequence += 1;
    this.#send({ type: "INCREMENTAL", appliesTo, resultsIn: String(this.#sequence), changes: [...changes] });
  }

  #send(message: AssignmentsMessage): void {
    for (const queue of this.#live?.assignments ?? []) queue.push(message);
  }
}

async function* read<T>(queue: AsyncQueue<T>, signal: AbortSignal | undefined): AsyncGenerator<T> {
  for (let item = await queue.next(signal); item !== undefined; item = await queue.next(signal)) yield item;
}
