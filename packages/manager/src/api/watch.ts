// docker.swarmkit.v1.Watch: changes of this manager's store as they are committed. Keeps no history.
// Source: swarmkit manager/watchapi/watch.go.

import { type PolicyTable, roles, type ServiceOf } from "@mswarm/rpc";
import { AsyncQueue, failedPrecondition, resourceExhausted } from "@mswarm/runtime";
import type { Change, Store } from "@mswarm/store";
import type {
  Handlers,
  WatchActionKind,
  Object as WatchedObject,
  WatchMessage,
  WatchMessage_Event,
  WatchRequest,
} from "@mswarm/wire";
import { redactedObject } from "../objects/redaction.ts";
import { selectorOf } from "./watch-selectors.ts";

type Watch = Handlers["docker.swarmkit.v1.Watch"];

// Commits that a client may be behind. Each holds references to objects that the store has anyway, until they change.
const backlogMax = 10_000;

/** The handlers of Watch. Secrets come without data, clusters without keys, specs without registry credentials. */
export function createWatch(parts: { readonly store: Store }): ServiceOf<Watch> {
  return { Watch: (request, call) => watch(parts.store, request, call.signal) };
}

export const watchPolicy: PolicyTable<Watch> = { Watch: roles("swarm-manager") };

/**
 * First an empty message: from then on no change is missed. Then one message for each commit with changes that match.
 * Errors: INVALID_ARGUMENT for selectors, FAILED_PRECONDITION for a resume, RESOURCE_EXHAUSTED for a slow client.
 */
async function* watch(store: Store, request: WatchRequest, signal: AbortSignal): AsyncGenerator<WatchMessage> {
  if (request.resumeFrom !== undefined) {
    throw failedPrecondition(
      "a watch cannot be resumed: this manager keeps no history, list the objects and watch anew",
    );
  }
  const isSelected = selectorOf(request.entries ?? []);
  const messages = new AsyncQueue<WatchMessage>(backlogMax);
  const stop = store.watch((changes, version) => {
    const selected = changes.filter(isSelected);
    if (selected.length === 0) return;
    const events = selected.map((change) => eventOf(change, request.includeOldObject === true));
    if (!messages.push({ events, version: { index: String(version) } })) {
      messages.fail(resourceExhausted("the watch is too far behind: list the objects and watch anew"));
    }
  });
  const end = (): void => messages.end();
  signal.addEventListener("abort", end, { once: true });
  try {
    yield {};
    while (!signal.aborted) {
      const message = await messages.next();
      if (message === undefined) return;
      yield message;
    }
  } finally {
    signal.removeEventListener("abort", end);
    stop();
  }
}

const actionOf = {
  create: "WATCH_ACTION_CREATE",
  update: "WATCH_ACTION_UPDATE",
  remove: "WATCH_ACTION_REMOVE",
} as const satisfies Record<Change["kind"], WatchActionKind>;

function eventOf(change: Change, withOld: boolean): WatchMessage_Event {
  const old = withOld && change.kind === "update" ? change.previous : undefined;
  return {
    action: actionOf[change.kind],
    object: shown(change.table, change.object),
    ...(old === undefined ? {} : { oldObject: shown(change.table, old) }),
  };
}

const shown = (table: Change["table"], object: Change["object"]): WatchedObject => ({
  [table.name]: redactedObject(table, object),
});
