import type { Call } from "@mswarm/rpc";
import { SeededRandom, settle } from "@mswarm/runtime/simulated";
import { nodes, type Store, tasks } from "@mswarm/store";
import { leadingStore } from "@mswarm/store/testing";
import type { PublishLogsMessage, SubscribeLogsMessage, SubscriptionMessage, Task } from "@mswarm/wire";
import { expect, test } from "vitest";
import { LogBroker } from "./log-broker.ts";

const callOf = (nodeId: string, signal: AbortSignal = new AbortController().signal): Call => ({
  caller: {
    identity: { nodeId, role: "swarm-worker", clusterId: "c" },
    remoteAddress: "192.0.2.1:1",
    forwarder: undefined,
    isLocal: false,
  },
  signal,
  deadline: undefined,
  user: undefined,
});

async function bench(existing: readonly Task[] = [running("t1", "n1"), running("t2", "n2")]) {
  const store: Store = leadingStore();
  for (const task of existing) await store.update((tx) => tx.create(tasks, task));
  const broker = new LogBroker({ store, random: new SeededRandom(3), nodeId: "manager" });
  const leadership = new AbortController();
  const over = broker.run(leadership.signal);
  return {
    store,
    broker,
    stop: async () => {
      leadership.abort();
      await over;
    },
    /** A node that listens; gives what it is asked. */
    node: (nodeId: string) => {
      const controller = new AbortController();
      const stream = broker.listen(callOf(nodeId, controller.signal));
      const asked: SubscriptionMessage[] = [];
      const listening = (async () => {
        for await (const message of stream) asked.push(message);
      })().catch((error: Error) => error);
      return {
        asked,
        leave: async () => {
          controller.abort();
          await listening;
        },
        send: (...messages: PublishLogsMessage[]) => broker.publish(streamOf(messages), callOf(nodeId)),
      };
    },
    /** A subscriber that collects lines. */
    subscriber: (request: Parameters<LogBroker["subscribe"]>[0]) => {
      const controller = new AbortController();
      const lines: string[] = [];
      const stream = broker.subscribe(request, callOf("manager", controller.signal));
      const done = collect(stream, lines);
      return { lines, done, cancel: () => controller.abort() };
    },
  };
}

async function collect(stream: AsyncIterable<SubscribeLogsMessage>, lines: string[]): Promise<Error | undefined> {
  try {
    for await (const { messages = [] } of stream) lines.push(...messages.map(({ data }) => String(data)));
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

async function* streamOf<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

function running(id: string, nodeId: string): Task {
  return { id, nodeId, serviceId: "s", status: { state: "RUNNING" } };
}

function lines(subscriptionId: string, nodeId: string, taskId: string, ...texts: string[]): PublishLogsMessage {
  const context = { nodeId, taskId, serviceId: "s" };
  return { subscriptionId, messages: texts.map((text) => ({ context, data: Buffer.from(text) })) };
}

test("the logs of a service come from all its nodes, and the stream ends when all have closed", async () => {
  const { node, subscriber } = await bench();
  const [n1, n2, idle] = [node("n1"), node("n2"), node("n3")];
  const logs = subscriber({ selector: { serviceIds: ["s"] }, options: { tail: "-6" } });
  await settle();
  const id = n1.asked[0]?.id ?? "";
  expect(n1.asked).toEqual([{ id, selector: { serviceIds: ["s"] }, options: { tail: "-6" } }]);
  expect(n2.asked[0]?.id).toBe(id);
  expect(idle.asked).toEqual([]);
  await n1.send(lines(id, "n1", "t1", "one", "two"), { subscriptionId: id, close: true });
  await n2.send(lines(id, "n2", "t2", "three"), { subscriptionId: id, close: true });
  expect(await logs.done).toBeUndefined();
  expect(logs.lines).toEqual(["one", "two", "three"]);
});

test("what cannot be had is named at the end", async () => {
  const { node, subscriber } = await bench([
    ...[running("t1", "n1"), running("t2", "n2")],
    { id: "t3", serviceId: "s" },
  ]);
  const n1 = node("n1");
  const logs = subscriber({ selector: { taskIds: ["t1", "t2", "t3"] } });
  await settle();
  await n1.send(lines(n1.asked[0]?.id ?? "", "n1", "t1", "half"));
  expect(logs.lines).toEqual(["half"]);
  expect(await logs.done).toMatchObject({
    code: "UNKNOWN",
    message:
      "warning: incomplete log stream. some logs could not be retrieved for the following reasons: node n2 is not available, node n1 disconnected unexpectedly, task t3 has not been scheduled",
  });
});

test("following reaches tasks that start later, on nodes that come later, and ends with the subscriber", async () => {
  const { store, node, subscriber } = await bench();
  const n1 = node("n1");
  const logs = subscriber({ selector: { serviceIds: ["s"] }, options: { follow: true } });
  await settle();
  const id = n1.asked[0]?.id ?? "";
  await n1.send(lines(id, "n1", "t1", "one"));
  const n2 = node("n2");
  const n3 = node("n3");
  await settle();
  expect(n2.asked[0]?.id).toBe(id);
  await store.update((tx) => tx.create(tasks, running("t9", "n3")));
  await settle();
  await n3.send(lines(id, "n3", "t9", "late"));
  await settle();
  expect(logs.lines).toEqual(["one", "late"]);
  logs.cancel();
  await logs.done;
  await settle();
  expect(n3.asked.at(-1)).toMatchObject({ id, close: true });
  await expect(n1.send(lines(id, "n1", "t1", "more"))).rejects.toMatchObject({ message: "unknown subscription ID" });
});

test("a node can only publish what was asked of it, under its own name, about its own tasks", async () => {
  const { node, subscriber, store } = await bench();
  await store.update((tx) => tx.create(tasks, { ...running("x1", "n1"), serviceId: "other" }));
  const [n1, n2, n3] = [node("n1"), node("n2"), node("n3")];
  const logs = subscriber({ selector: { serviceIds: ["s"] }, options: { follow: true } });
  await settle();
  const id = n1.asked[0]?.id ?? "";
  await expect(n1.send(lines("", "n1", "t1"))).rejects.toMatchObject({ message: "missing subscription ID" });
  await expect(n3.send(lines(id, "n3", "t3", "x"))).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(n1.send(lines(id, "n2", "t2", "forged"))).rejects.toMatchObject({
    code: "PERMISSION_DENIED",
    message: "invalid NodeID: expected=n1;received=n2",
  });
  await expect(n1.send(lines(id, "n1", "t2", "forged"))).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
  await expect(n2.send(lines(id, "n2", "t2", "ok"), lines("else", "n2", "t2", "no"))).rejects.toMatchObject({
    message: "different subscription IDs in the same session",
  });
  await n1.send(lines(id, "n1", "x1", "of another service"));
  await settle();
  expect(logs.lines).toEqual(["ok"]);
});

test.each([
  [{}, "log selector must be provided"],
  [{ selector: {} }, "log selector must not be empty"],
])("the request %j is refused", async (request, message) => {
  const { subscriber } = await bench();
  expect(await subscriber(request).done).toMatchObject({ code: "INVALID_ARGUMENT", message });
});

test("a slow reader holds up the nodes and not the memory", async () => {
  const { node, broker } = await bench();
  const n1 = node("n1");
  const stream = broker.subscribe({ selector: { taskIds: ["t1"] } }, callOf("manager"));
  const first = stream.next();
  await settle();
  const id = n1.asked[0]?.id ?? "";
  let taken = 0;
  const flood = (async function* () {
    for (let count = 0; count < 1_000; count += 1) {
      taken = count;
      yield lines(id, "n1", "t1", `line ${count}`);
    }
    yield { subscriptionId: id, close: true };
  })();
  const sending = broker.publish(flood, callOf("n1"));
  await first;
  await settle();
  expect(taken).toBeLessThan(100);
  let count = 1;
  for await (const { messages = [] } of stream) count += messages.length;
  await sending;
  expect(count).toBe(1_000);
});

test("with the leadership all streams end, and without one there are none", async () => {
  const { node, subscriber, stop, broker } = await bench();
  const n1 = node("n1");
  const logs = subscriber({ selector: { taskIds: ["t1"] }, options: { follow: true } });
  await settle();
  await stop();
  expect(await logs.done).toMatchObject({ code: "ABORTED" });
  await n1.leave();
  await expect(broker.listen(callOf("n1")).next()).rejects.toMatchObject({ code: "ABORTED" });
});

test("a node is always told the options, also when the subscriber named none: dockerd dies of a missing message", async () => {
  const { node, subscriber, stop } = await bench();
  const one = node("n1");
  const reader = subscriber({ selector: { taskIds: ["t1"] } });
  await settle();
  expect(one.asked.map(({ options }) => options)).toEqual([{}]);
  reader.cancel();
  await one.leave();
  await stop();
});

test("a node that hangs with its stream open is given up when it is found to be down", async () => {
  const { store, node, subscriber } = await bench();
  await store.update((tx) => tx.create(nodes, { id: "n2", status: { state: "READY" } }));
  const [n1] = [node("n1"), node("n2")];
  const request = { selector: { serviceIds: ["s"] } };
  const before = subscriber(request);
  await settle();
  await n1.send({ subscriptionId: n1.asked[0]?.id ?? "", close: true });
  await store.update((tx) => tx.update(nodes, { ...tx.get(nodes, "n2"), id: "n2", status: { state: "DOWN" } }));
  expect((await before.done)?.message).toContain("node n2 disconnected unexpectedly");
  const after = subscriber(request);
  await settle();
  await n1.send({ subscriptionId: n1.asked.at(-1)?.id ?? "", close: true });
  expect((await after.done)?.message).toContain("node n2 is not available");
});
