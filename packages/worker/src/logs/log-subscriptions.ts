import { isSwarmError, messageOf, TaskGroup, unavailable, whenAborted } from "@mswarm/runtime";
import type { PublishLogsMessage } from "@mswarm/wire";
import type { ManagerConnection } from "../session/connection.ts";
import { type LogPublisherParts, publishedLogs } from "./log-publisher.ts";

/** Each one that follows costs a look at all tasks every second. */
const subscriptionsMax = 500;

/**
 * Serves the log subscriptions of one session until the signal aborts or the manager ends the stream. One that fails
 * ends alone. A manager that knows no log subscriptions is left in peace.
 */
export async function serveLogSubscriptions(
  { logBroker }: Pick<ManagerConnection, "logBroker">,
  parts: LogPublisherParts,
  signal: AbortSignal,
): Promise<void> {
  const open = new Map<string, AbortController>();
  const group = new TaskGroup(signal, (name, error) => {
    // The reader went away, or came back under another id: nobody misses these lines.
    parts.log.info({ work: name, error: messageOf(error) }, "a log subscription ended early");
  });
  try {
    for await (const subscription of logBroker.ListenSubscriptions({}, { signal })) {
      const id = subscription.id ?? "";
      if (subscription.close === true) open.get(id)?.abort();
      else if (open.size >= subscriptionsMax) {
        parts.log.warn({ subscriptions: open.size }, "the manager asks for more logs at once than are served");
      } else if (!open.has(id)) {
        const end = new AbortController();
        open.set(id, end);
        group.run(`subscription ${id}`, async (abort) => {
          const ended = AbortSignal.any([abort, end.signal]);
          try {
            await publish(logBroker, publishedLogs(subscription, parts, ended), abort);
          } finally {
            open.delete(id);
          }
        });
      }
    }
    throw unavailable("the manager ended the stream of log subscriptions");
  } catch (error) {
    if (!isSwarmError(error, "UNIMPLEMENTED")) throw error;
    await whenAborted(signal);
  } finally {
    await group.close();
  }
}

async function publish(
  logBroker: ManagerConnection["logBroker"],
  messages: AsyncIterable<PublishLogsMessage>,
  signal: AbortSignal,
): Promise<void> {
  let isComplete = false;
  async function* all(): AsyncGenerator<PublishLogsMessage> {
    yield* messages;
    isComplete = true;
  }
  try {
    await logBroker.PublishLogs(all(), { signal });
  } catch (error) {
    // Docker's managers end the call after the last message without an answer.
    if (!isComplete) throw error;
  }
}
