import type { Call } from "@mswarm/rpc";
import { permissionDenied, wireDuration } from "@mswarm/runtime";
import { tasks } from "@mswarm/store";
import type {
  AssignmentsMessage,
  AssignmentsRequest,
  HeartbeatRequest,
  HeartbeatResponseInput,
  SessionMessage,
  SessionRequest,
  TasksMessage,
  TasksRequest,
  UpdateTaskStatusRequest,
  UpdateTaskStatusResponseInput,
} from "@mswarm/wire";
import type { Session } from "./session.ts";
import { assignmentStream, sessionStream, taskListStream } from "./streams.ts";
import { type DispatcherParts, DispatcherTerm, dispatcherStopped } from "./term.ts";

/**
 * Serves the agents of the cluster while this manager leads. Between leaderships every call fails with ABORTED
 * `dispatcher is stopped`. Source: swarmkit manager/dispatcher/dispatcher.go.
 */
export class Dispatcher {
  readonly #parts: DispatcherParts;
  #term: DispatcherTerm | undefined;

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
  }

  /** Serves until the signal aborts; rejects when the store refuses a write. For the list of leader-only loops. */
  async run(signal: AbortSignal): Promise<void> {
    const term = new DispatcherTerm(this.#parts, signal);
    this.#term = term;
    try {
      await term.run();
    } finally {
      if (this.#term === term) this.#term = undefined;
    }
  }

  async *session(request: SessionRequest, call: Call): AsyncGenerator<SessionMessage> {
    const term = await this.#serving();
    const nodeId = this.#nodeIdOf(call);
    const registration = { nodeId, address: this.#addressOf(call), description: request.description };
    const session = await term.register(registration, request.sessionId);
    yield* sessionStream(term, session, call.signal);
  }

  async heartbeat(request: HeartbeatRequest, call: Call): Promise<HeartbeatResponseInput> {
    const { term, session } = await this.#session(request.sessionId, call);
    return { period: wireDuration(term.heartbeat(session)) };
  }

  async *assignments(request: AssignmentsRequest, call: Call): AsyncGenerator<AssignmentsMessage> {
    const { term, session } = await this.#session(request.sessionId, call);
    yield* assignmentStream(term, session, call.signal);
  }

  async *taskLists(request: TasksRequest, call: Call): AsyncGenerator<TasksMessage> {
    const { term, session } = await this.#session(request.sessionId, call);
    yield* taskListStream(term, session, call.signal);
  }

  /**
   * Takes reports about tasks of the calling node; a report about another node's task refuses the whole call. The
   * answer does not wait for the write.
   */
  async updateTaskStatus(request: UpdateTaskStatusRequest, call: Call): Promise<UpdateTaskStatusResponseInput> {
    const { term, session } = await this.#session(request.sessionId, call);
    const updates = request.updates ?? [];
    this.#parts.store.view((tx) => {
      for (const { taskId } of updates) {
        const task = tx.get(tasks, taskId ?? "");
        if (task !== undefined && task.nodeId !== session.nodeId) {
          throw permissionDenied("cannot update a task not assigned this node");
        }
      }
      for (const { taskId, status } of updates) {
        if (status !== undefined && tx.get(tasks, taskId ?? "") !== undefined) {
          term.statuses.add({ taskId: taskId ?? "", nodeId: session.nodeId }, status);
        }
      }
    });
    return {};
  }

  /** The TCP session of a node was reset: an mswarm node without a sign of life within 3 s is DOWN. */
  markSuspect(nodeId: string): void {
    this.#term?.suspect(nodeId);
  }

  /**
   * The node leaves: DOWN at once, so that its tasks are replaced without waiting for heartbeats.
   * Errors: ABORTED when not leading, NOT_FOUND `node not registered`, INVALID_ARGUMENT `session invalid`.
   */
  async announceLeave(nodeId: string, sessionId: string | undefined): Promise<void> {
    const term = await this.#serving();
    term.leave(nodeId, sessionId);
  }

  async #serving(): Promise<DispatcherTerm> {
    const term = this.#term;
    if (term === undefined) throw dispatcherStopped();
    await term.ready;
    return term;
  }

  async #session(sessionId: string | undefined, call: Call): Promise<{ term: DispatcherTerm; session: Session }> {
    const term = await this.#serving();
    return { term, session: term.sessions.require(this.#nodeIdOf(call), sessionId) };
  }

  /** The node a call is made for: this manager's own on the control socket, the certificate's otherwise. */
  #nodeIdOf({ caller }: Call): string {
    if (caller.isLocal) return this.#parts.nodeId;
    if (caller.identity === undefined) throw permissionDenied("no client certificates in request");
    return caller.identity.nodeId;
  }

  /** The IP address of the caller; on the control socket the one that this manager advertises. */
  #addressOf({ caller }: Call): string {
    if (!caller.isLocal) return hostOf(caller.remoteAddress);
    const own = this.#parts.managers.managers().find(({ nodeId }) => nodeId === this.#parts.nodeId);
    return own === undefined ? "" : hostOf(own.address);
  }
}

/** The host of `host:port` or `[v6]:port`. */
function hostOf(address: string): string {
  const host = address.slice(0, Math.max(0, address.lastIndexOf(":")));
  return host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
}
