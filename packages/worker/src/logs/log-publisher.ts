// One log subscription: the logs of all tasks it selects, as one stream to the manager.
import type { Engine, LogFrame, LogOptions } from "@mswarm/engine";
import {
  type Clock,
  isSwarmError,
  type Logger,
  messageOf,
  seconds,
  TaskGroup,
  Wakeup,
  whenAborted,
} from "@mswarm/runtime";
import type { LogContext, LogMessage, PublishLogsMessage, SubscriptionMessage, Task } from "@mswarm/wire";
import { BatchChannel } from "./batch-channel.ts";
import { engineLogOptions, isSelected } from "./log-options.ts";

/** A task of this node whose container, if it has one, can be read. */
export interface LogSource {
  readonly task: Task;
  readonly containerId: string | undefined;
}

export interface LogPublisherParts {
  readonly engine: Pick<Engine, "logs">;
  readonly nodeId: string;
  sources(): Iterable<LogSource>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Lines in one message at most, far below 4 MiB with lines of 16 KiB. */
const batchMax = 64;
/** A followed subscription looks this often for tasks that have come to run since. */
const newTasksPeriod = seconds(1);

/**
 * The messages that answer a subscription; the last one says `close`. A task whose logs cannot be read is left out.
 * The signal ends a followed subscription as its close does: with that last message.
 * Source: swarmkit agent/worker.go, Subscribe, and agent/agent.go, Publisher; wire reference 6.10.
 */
export async function* publishedLogs(
  subscription: SubscriptionMessage,
  parts: LogPublisherParts,
  signal: AbortSignal,
): AsyncGenerator<PublishLogsMessage> {
  const subscriptionId = subscription.id ?? "";
  const lines = new BatchChannel<LogMessage>(batchMax);
  const group = new TaskGroup(signal, (name, error) => {
    parts.log.info({ work: name, subscriptionId, error: messageOf(error) }, "logs of a task could not be read");
  });
  const options = optionsOf(subscription, parts.log);
  if (options === undefined) lines.close();
  else group.run("selection", (abort) => readSelected(subscription, options, lines, parts, abort));
  void whenAborted(signal).then(() => lines.close());
  // Not bound to the signal: what was read before the end still goes out.
  const never = new AbortController().signal;
  try {
    for (let batch = await lines.take(never); batch !== undefined; batch = await lines.take(never)) {
      yield { subscriptionId, messages: [...batch] };
    }
    yield { subscriptionId, close: true };
  } finally {
    await group.close();
  }
}

function optionsOf(subscription: SubscriptionMessage, log: Logger): LogOptions | undefined {
  try {
    return engineLogOptions(subscription.options);
  } catch (error) {
    if (!isSwarmError(error)) throw error;
    log.warn({ subscriptionId: subscription.id, error: error.message }, "a log subscription was refused");
    return undefined;
  }
}

/** Reads the selected tasks, with `follow` also those that get a container later; closes the channel at the end. */
async function readSelected(
  subscription: SubscriptionMessage,
  options: LogOptions,
  lines: BatchChannel<LogMessage>,
  parts: LogPublisherParts,
  signal: AbortSignal,
): Promise<void> {
  const started = new Set<string>();
  const reading: Promise<void>[] = [];
  const tick = new Wakeup();
  try {
    for (;;) {
      for (const { task, containerId } of parts.sources()) {
        if (containerId === undefined || started.has(containerId)) continue;
        if (!isSelected(task, parts.nodeId, subscription.selector)) continue;
        started.add(containerId);
        reading.push(readTask(task, containerId, options, lines, parts, signal));
      }
      if (!options.follow) break;
      const timer = parts.clock.timer(newTasksPeriod, () => tick.notify());
      await tick.wait(signal).finally(() => timer.cancel());
    }
  } finally {
    await Promise.all(reading);
    lines.close();
  }
}

async function readTask(
  task: Task,
  containerId: string,
  options: LogOptions,
  lines: BatchChannel<LogMessage>,
  { engine, nodeId, log }: LogPublisherParts,
  signal: AbortSignal,
): Promise<void> {
  const context: LogContext = { serviceId: task.serviceId ?? "", nodeId, taskId: task.id ?? "" };
  try {
    for await (const frame of engine.logs(containerId, options, signal)) {
      await lines.send(logMessage(context, frame), signal);
    }
  } catch (error) {
    if (!signal.aborted) log.info({ taskId: task.id, error: messageOf(error) }, "a task's logs could not be read");
  }
}

function logMessage(context: LogContext, { stream, timestamp, data, attributes }: LogFrame): LogMessage {
  return {
    context,
    ...(timestamp === undefined ? {} : { timestamp }),
    stream: stream === "stdout" ? "LOG_STREAM_STDOUT" : "LOG_STREAM_STDERR",
    data,
    ...(attributes.length === 0 ? {} : { attrs: attributes.map(({ key, value }) => ({ key, value })) }),
  };
}
