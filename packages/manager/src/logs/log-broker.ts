import type { Call } from "@mswarm/rpc";
import {
  AsyncQueue,
  aborted,
  abortReason,
  invalidArgument,
  newId,
  notFound,
  permissionDenied,
  type Random,
  resourceExhausted,
  whenAborted,
} from "@mswarm/runtime";
import { changesOf, nodes, type Store, tasks } from "@mswarm/store";
import type {
  LogMessage,
  PublishLogsMessage,
  PublishLogsResponseInput,
  SubscribeLogsMessage,
  SubscribeLogsRequest,
  SubscriptionMessage,
} from "@mswarm/wire";
import { Subscription } from "./subscription.ts";

const subscriptionsMax = 1_000;

export interface LogBrokerParts {
  readonly store: Store;
  readonly random: Random;
  /** This manager, for calls on its control socket. */
  readonly nodeId: string;
}

type Listener = AsyncQueue<SubscriptionMessage>;

/**
 * Brings those who want logs together with the nodes that have them, while this manager leads. Everything is in memory:
 * with the leadership all subscriptions end, and nodes and subscribers come again. Source: swarmkit manager/logbroker.
 */
export class LogBroker {
  readonly #parts: LogBrokerParts;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #listeners = new Map<string, Listener>();
  #lifetime: AbortSignal | undefined;

  constructor(parts: LogBrokerParts) {
    this.#parts = parts;
  }

  /** Serves until the signal aborts. For the list of leader-only loops. */
  async run(signal: AbortSignal): Promise<void> {
    this.#lifetime = signal;
    const endWatch = this.#parts.store.watch(
      (changes) => {
        for (const { kind, object } of changesOf(changes, tasks)) {
          if (kind !== "remove") this.#follow(object);
        }
        for (const { object } of changesOf(changes, nodes)) {
          if (this.#isDown(object.id ?? "")) this.#giveUp(object.id ?? "");
        }
      },
      [tasks, nodes],
    );
    await whenAborted(signal);
    endWatch();
    this.#lifetime = undefined;
    for (const subscription of this.#subscriptions.values()) subscription.end();
    for (const listener of this.#listeners.values()) listener.fail(stopped());
    this.#subscriptions.clear();
    this.#listeners.clear();
  }

  /** Logs of the selected tasks. Without `follow`, the stream ends when every node has sent what it has. */
  async *subscribe(request: SubscribeLogsRequest, call: Call): AsyncGenerator<SubscribeLogsMessage> {
    const { store, random } = this.#parts;
    const lifetime = this.#running();
    const { selector, options } = request;
    if (selector === undefined) throw invalidArgument("log selector must be provided");
    const wanted = [selector.serviceIds, selector.taskIds, selector.nodeIds];
    if (wanted.every((ids) => (ids ?? []).length === 0)) throw invalidArgument("log selector must not be empty");
    if (this.#subscriptions.size >= subscriptionsMax) throw resourceExhausted("too many log subscriptions are open");

    const subscription = new Subscription(newId(random), selector, options);
    this.#subscriptions.set(subscription.id, subscription);
    try {
      for (const nodeId of store.view((tx) => subscription.match(tx))) this.#ask(subscription, nodeId);
      subscription.endIfComplete();
      for (;;) {
        const messages = await subscription.next(call.signal);
        if (call.signal.aborted) throw abortReason(call.signal);
        if (messages === undefined) break;
        yield { messages: [...messages] };
      }
      if (lifetime.aborted) throw stopped();
      const missing = subscription.incompleteness();
      if (missing !== undefined) throw missing;
    } finally {
      this.#subscriptions.delete(subscription.id);
      subscription.end();
      for (const nodeId of subscription.nodes()) this.#listeners.get(nodeId)?.push(subscription.message(true));
    }
  }

  /** What a node is asked to send: open subscriptions at once, then new ones, and those that are over. */
  async *listen(call: Call): AsyncGenerator<SubscriptionMessage> {
    this.#running();
    const nodeId = this.#nodeIdOf(call);
    // Several messages per subscription can wait at most: its begin and its end.
    const listener: Listener = new AsyncQueue(2 * subscriptionsMax + 2);
    this.#listeners.get(nodeId)?.fail(aborted("replaced by a newer stream of the same node"));
    this.#listeners.set(nodeId, listener);
    for (const subscription of this.#subscriptions.values()) {
      if (subscription.expects(nodeId)) listener.push(subscription.message());
    }
    try {
      for (;;) {
        const message = await listener.next(call.signal);
        if (message === undefined) return;
        yield message;
      }
    } finally {
      if (this.#listeners.get(nodeId) === listener) {
        this.#listeners.delete(nodeId);
        this.#giveUp(nodeId);
      }
    }
  }

  /** Takes what a node sends for one subscription; `close` in its last message says that it was complete. */
  async publish(requests: AsyncIterable<PublishLogsMessage>, call: Call): Promise<PublishLogsResponseInput> {
    this.#running();
    const nodeId = this.#nodeIdOf(call);
    let subscription: Subscription | undefined;
    try {
      for await (const { subscriptionId = "", messages = [], close } of requests) {
        if (subscriptionId === "") throw invalidArgument("missing subscription ID");
        subscription ??= this.#expecting(subscriptionId, nodeId);
        if (subscription.id !== subscriptionId) throw invalidArgument("different subscription IDs in the same session");
        const admitted = this.#admit(messages, nodeId, subscription);
        const isHeard = admitted.length === 0 || (await subscription.deliver(admitted));
        if (!isHeard) throw notFound("unknown subscription ID");
        if (close === true) {
          subscription.finish(nodeId);
          return {};
        }
      }
      return {};
    } finally {
      // After a proper end the node is not expected any more, and this does nothing.
      subscription?.finish(nodeId, `node ${nodeId} disconnected unexpectedly`);
    }
  }

  /** Only logs that the node can have: of its own tasks, and of those that were asked for. */
  #admit(messages: readonly LogMessage[], nodeId: string, subscription: Subscription): LogMessage[] {
    return this.#parts.store.view((tx) =>
      messages.filter(({ context }) => {
        if (context?.nodeId !== nodeId) {
          throw permissionDenied(`invalid NodeID: expected=${nodeId};received=${context?.nodeId ?? ""}`);
        }
        const task = tx.get(tasks, context.taskId ?? "");
        if (task !== undefined && task.nodeId !== nodeId) {
          throw permissionDenied(`invalid TaskID: ${task.id ?? ""} is not a task of node ${nodeId}`);
        }
        // Of a task that has just been deleted only the node knows: its last lines may be what somebody waits for.
        const { taskId = "", serviceId = "" } = context;
        return subscription.selects(task ?? { id: taskId, serviceId, nodeId });
      }),
    );
  }

  #expecting(subscriptionId: string, nodeId: string): Subscription {
    const subscription = this.#subscriptions.get(subscriptionId);
    if (subscription?.expects(nodeId) !== true) throw notFound("unknown subscription ID");
    return subscription;
  }

  #ask(subscription: Subscription, nodeId: string): void {
    const isAsked = this.#listeners.get(nodeId)?.push(subscription.message()) === true;
    // A node that hangs keeps its stream open, and whoever waited for it would wait as long.
    if (!isAsked || this.#isDown(nodeId)) subscription.finish(nodeId, `node ${nodeId} is not available`);
  }

  #giveUp(nodeId: string): void {
    for (const subscription of this.#subscriptions.values()) {
      subscription.finish(nodeId, `node ${nodeId} disconnected unexpectedly`);
    }
  }

  #isDown(nodeId: string): boolean {
    return this.#parts.store.view((tx) => tx.get(nodes, nodeId))?.status?.state === "DOWN";
  }

  #follow(task: Parameters<Subscription["see"]>[0]): void {
    for (const subscription of this.#subscriptions.values()) {
      if (!subscription.isFollowing || !subscription.selects(task)) continue;
      const nodeId = subscription.see(task);
      if (nodeId !== undefined) this.#ask(subscription, nodeId);
    }
  }

  #running(): AbortSignal {
    if (this.#lifetime === undefined) throw stopped();
    return this.#lifetime;
  }

  #nodeIdOf({ caller }: Call): string {
    if (caller.isLocal) return this.#parts.nodeId;
    if (caller.identity === undefined) throw permissionDenied("no client certificates in request");
    return caller.identity.nodeId;
  }
}

const stopped = (): Error => aborted("log broker is stopped");
