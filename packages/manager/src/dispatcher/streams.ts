// The three streams of a session. Each is an endless generator over a feed; the feed's end is the stream's error.
import { milliseconds } from "@mswarm/runtime";
import { tasks } from "@mswarm/store";
import type { AssignmentsMessage, SessionMessage, TasksMessage } from "@mswarm/wire";
import { compareTaskStates } from "../objects/task-state.ts";
import { AssignmentSet } from "./assignment-set.ts";
import type { Session } from "./session.ts";
import { farewell, sessionMessage } from "./session-message.ts";
import type { DispatcherTerm } from "./term.ts";

/** How long the changes of one burst are collected; Docker takes 100 ms, which a task's start would have to wait. */
const debounce = milliseconds(2);

/** The node, the managers and the root certificate: at once, then whenever one of them changes. */
export async function* sessionStream(
  term: DispatcherTerm,
  session: Session,
  call: AbortSignal,
): AsyncGenerator<SessionMessage> {
  const { store, managers, clusterId } = term.parts;
  const message = () => store.view((tx) => sessionMessage(tx, session, { clusterId, managers: managers.managers() }));
  const feed = session.open("session", call);
  try {
    for (;;) {
      yield message();
      await feed.wait();
    }
  } catch (error) {
    if (term.signal.aborted && !call.aborted) yield farewell(message());
    throw error;
  } finally {
    const isLast = session.close("session", feed);
    // A worker that only turns to another manager is back within a second; one that was killed is not.
    if (isLast && call.aborted && term.sessions.get(session.nodeId) === session) term.suspect(session.nodeId);
  }
}

/** What the node has to run, with the secrets and configs for it: everything at first, then the differences. */
export async function* assignmentStream(
  term: DispatcherTerm,
  session: Session,
  call: AbortSignal,
): AsyncGenerator<AssignmentsMessage> {
  const { store, clock, log } = term.parts;
  const { nodeId } = session;
  const feed = session.open("assignments", call);
  try {
    const set = new AssignmentSet(nodeId, (missing) =>
      log.warn({ node: nodeId, ...missing }, "a task names something that cannot be delivered to its node"),
    );
    let sequence = 1;
    const changes = store.view((tx) => set.sync(tx, taskIdsOf(tx.by(tasks, "node", nodeId))));
    yield { type: "COMPLETE", resultsIn: String(sequence), changes };
    for (;;) {
      await feed.wait();
      await clock.sleep(debounce, feed.signal);
      const next = store.view((tx) => set.sync(tx, feed.takeTaskIds()));
      if (next.length === 0) continue;
      yield { type: "INCREMENTAL", appliesTo: String(sequence), resultsIn: String(sequence + 1), changes: next };
      sequence += 1;
    }
  } finally {
    session.close("assignments", feed);
  }
}

/** The form before assignments existed: the whole list of tasks at every change, without secrets. */
export async function* taskListStream(
  term: DispatcherTerm,
  session: Session,
  call: AbortSignal,
): AsyncGenerator<TasksMessage> {
  const { store, clock } = term.parts;
  const feed = session.open("tasks", call);
  try {
    for (;;) {
      const all = store.view((tx) => tx.by(tasks, "node", session.nodeId));
      yield { tasks: all.filter((task) => compareTaskStates(task.status?.state, "ASSIGNED") >= 0) };
      await feed.wait();
      await clock.sleep(debounce, feed.signal);
    }
  } finally {
    session.close("tasks", feed);
  }
}

const taskIdsOf = (list: readonly { id?: string }[]): string[] => list.map((task) => task.id ?? "");
