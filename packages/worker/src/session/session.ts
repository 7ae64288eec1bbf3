// One session with one manager: registration, heartbeats, assignments, statuses, log subscriptions. The first of these
// that fails ends the session.
import {
  type Clock,
  deadlineExceeded,
  durationOf,
  isSwarmError,
  type Logger,
  milliseconds,
  seconds,
  unavailable,
  whenAborted,
} from "@mswarm/runtime";
import type { NodeDescription, SessionMessage } from "@mswarm/wire";
import { applyAssignments } from "../assignments.ts";
import type { StatusReporter } from "../tasks/status-reporter.ts";
import type { TaskManager } from "../tasks/task-manager.ts";
import type { ManagerConnection } from "./connection.ts";
import { firstToEnd } from "./first-to-end.ts";

const initiationTimeout = seconds(5);
const callTimeout = seconds(5);
/** Where a manager names none. */
const defaultHeartbeatPeriod = seconds(5);
/** A manager that asks for more than this, by mistake or with a period of zero, gets no more. */
const shortestHeartbeatPeriod = milliseconds(100);
/** An answer may take a change of leader. */
const shortestHeartbeatTimeout = seconds(2);

export interface SessionParts {
  readonly connection: ManagerConnection;
  readonly description: NodeDescription;
  /** Of the session before; "" where there was none. */
  readonly sessionId: string;
  readonly tasks: TaskManager;
  readonly reporter: StatusReporter;
  /** Called with the first message, when the registration has succeeded, and with each later one. */
  onMessage(message: SessionMessage): void;
  /** Serves the manager's log subscriptions until the signal aborts. */
  serveLogs(connection: ManagerConnection, signal: AbortSignal): Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Runs a session until it fails or the signal aborts.
 * DEADLINE_EXCEEDED: the manager did not register this node within 5 s.
 * Source: swarmkit agent/session.go; wire reference 6.2 to 6.5.
 */
export async function runSession(parts: SessionParts, signal: AbortSignal): Promise<void> {
  const { connection, description } = parts;
  const stop = new AbortController();
  const messages = connection.dispatcher
    .Session({ description, sessionId: parts.sessionId }, { signal: AbortSignal.any([signal, stop.signal]) })
    [Symbol.asyncIterator]();
  try {
    const first = await within(messages.next(), parts.clock, signal);
    if (first.done === true) throw unavailable("the manager ended the session before it began");
    parts.onMessage(first.value);
    const sessionId = first.value.sessionId ?? "";
    parts.log.info({ manager: connection.manager }, "session with a manager established");
    await firstToEnd(
      [
        () => readMessages(messages, parts),
        (abort) => sendHeartbeats(parts, sessionId, abort),
        (abort) => followAssignments(parts, sessionId, abort),
        (abort) => reportStatuses(parts, sessionId, abort),
        (abort) => parts.serveLogs(connection, abort),
        // Ends the reading of messages, which waits for the manager, together with the rest.
        (abort) => whenAborted(abort).then(() => stop.abort()),
      ],
      signal,
    );
  } finally {
    stop.abort();
  }
}

async function readMessages(messages: AsyncIterator<SessionMessage>, { onMessage }: SessionParts): Promise<void> {
  for (;;) {
    const next = await messages.next();
    if (next.done === true) throw unavailable("the manager ended the session");
    onMessage(next.value);
  }
}

async function sendHeartbeats(parts: SessionParts, sessionId: string, signal: AbortSignal): Promise<void> {
  let timeout = callTimeout;
  for (;;) {
    const { period } = await parts.connection.dispatcher.Heartbeat({ sessionId }, { signal, timeout });
    const pause = milliseconds(Math.max(durationOf(period, defaultHeartbeatPeriod), shortestHeartbeatPeriod));
    // A manager that asks more often also loses patience sooner: another one has to be found before it does.
    timeout = milliseconds(Math.min(callTimeout, Math.max(pause, shortestHeartbeatTimeout)));
    await parts.clock.sleep(pause, signal);
  }
}

async function followAssignments(parts: SessionParts, sessionId: string, signal: AbortSignal): Promise<void> {
  const { tasks, connection, log } = parts;
  for (;;) {
    let hasGap = false;
    let hasApplied = false;
    for await (const message of connection.dispatcher.Assignments({ sessionId }, { signal })) {
      const answer = applyAssignments(tasks.assignments, message);
      hasGap = answer.kind === "gap";
      if (answer.kind === "gap") break;
      tasks.apply(answer.set, answer.isComplete);
      hasApplied = true;
    }
    if (!hasGap) throw unavailable("the manager ended the stream of assignments");
    // Each stream begins with a complete message, which nothing can precede.
    if (!hasApplied) throw unavailable("the manager sends assignments that do not follow on each other");
    log.info({ manager: connection.manager }, "an assignment message was lost, asking for the complete set");
  }
}

async function reportStatuses(parts: SessionParts, sessionId: string, signal: AbortSignal): Promise<void> {
  await parts.reporter.run(async (updates) => {
    await parts.connection.dispatcher.UpdateTaskStatus(
      { sessionId, updates: [...updates] },
      { signal, timeout: callTimeout },
    );
  }, signal);
}

async function within<T>(first: Promise<T>, clock: Clock, signal: AbortSignal): Promise<T> {
  const stop = new AbortController();
  const tooLate = clock.sleep(initiationTimeout, AbortSignal.any([signal, stop.signal])).then((): never => {
    throw deadlineExceeded("session initiation timed out");
  });
  try {
    return await Promise.race([first, tooLate]);
  } finally {
    stop.abort();
    // Whoever lost the race fails later, and nobody is interested.
    tooLate.catch(isSwarmError);
    first.catch(isSwarmError);
  }
}
