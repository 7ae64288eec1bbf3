import type { Call } from "@mswarm/rpc";
import { clusters, extensions, nodes, resources, type Store, secrets, services, tasks } from "@mswarm/store";
import { leadingStore } from "@mswarm/store/testing";
import { codecOf, type WatchMessage, type WatchRequest, type WatchRequest_WatchEntry } from "@mswarm/wire";
import { expect, test } from "vitest";
import { localCall } from "./testing/control-fixture.ts";
import { createWatch } from "./watch.ts";

/** An entry for all three actions, as it comes off the wire: the enum has no word for several bits. */
function everyAction(kind: string): WatchRequest_WatchEntry {
  const codec = codecOf<WatchRequest>("docker.swarmkit.v1.WatchRequest");
  const bytes = codec.encode({ entries: [{ kind, action: "WATCH_ACTION_CREATE" }] });
  bytes[bytes.length - 1] = 1 | 2 | 4;
  return codec.decode(bytes).entries?.[0] ?? {};
}

async function started(
  store: Store,
  request: WatchRequest,
  call: Call = localCall,
): Promise<AsyncIterator<WatchMessage>> {
  const stream = createWatch({ store }).Watch(request, call)[Symbol.asyncIterator]() as AsyncIterator<WatchMessage>;
  expect((await stream.next()).value).toEqual({});
  return stream;
}

test("a watch begins with an empty message and then tells of each commit", async () => {
  const store = leadingStore();
  const stream = await started(store, { entries: [everyAction("node")], includeOldObject: true });
  const node = await store.update((tx) => tx.create(nodes, { id: "n" }));
  await store.update((tx) => tx.create(tasks, { id: "unseen" }));
  const later = await store.update((tx) => tx.update(nodes, { ...node, role: "MANAGER" }));
  await store.update((tx) => tx.remove(nodes, "n"));
  expect((await stream.next()).value).toEqual({
    events: [{ action: "WATCH_ACTION_CREATE", object: { node } }],
    version: node.meta?.version,
  });
  expect((await stream.next()).value.events).toEqual([
    { action: "WATCH_ACTION_UPDATE", object: { node: later }, oldObject: { node } },
  ]);
  expect((await stream.next()).value.events).toEqual([{ action: "WATCH_ACTION_REMOVE", object: { node: later } }]);
});

test("events show no secret data, no keys and no registry credentials", async () => {
  const store = leadingStore();
  const kinds = ["secret", "cluster", "service", "task"];
  const stream = await started(store, { entries: kinds.map(everyAction) });
  const task = { container: { pullOptions: { registryAuth: "hidden" } } };
  await store.update((tx) => {
    tx.create(secrets, { id: "s", spec: { data: Buffer.from("hidden") } });
    tx.create(clusters, { id: "c", unlockKeys: [{ subsystem: "hidden" }] });
    tx.create(services, { id: "v", spec: { task }, previousSpec: { task } });
    tx.create(tasks, { id: "t", spec: task });
  });
  const { value } = await stream.next();
  expect(value.events).toHaveLength(4);
  expect(JSON.stringify(value)).not.toContain("hidden");
  expect(value.events[0].object.secret.spec.data).toBeUndefined();
});

test.each<[string, object, boolean]>([
  ["its id", { id: "t" }, true],
  ["another id", { id: "x" }, false],
  ["an id prefix", { idPrefix: "" }, true],
  ["its service", { serviceId: "s" }, true],
  ["its node", { nodeId: "n" }, true],
  ["another node", { nodeId: "m" }, false],
  ["its slot", { slot: { serviceId: "s", slot: "2" } }, true],
  ["another slot", { slot: { serviceId: "s", slot: "3" } }, false],
  ["its desired state", { desiredState: "RUNNING" }, true],
  ["its secret", { referencedSecretId: "k" }, true],
  ["another secret", { referencedSecretId: "l" }, false],
  ["its index", { custom: { index: "a", value: "bc" } }, true],
  ["its index by prefix", { customPrefix: { index: "a", value: "b" } }, true],
  ["another index", { custom: { index: "a", value: "b" } }, false],
])("a watch for tasks by %s", async (_what, filter, isSeen) => {
  const store = leadingStore();
  const entries = [{ kind: "task", action: "WATCH_ACTION_CREATE" as const, filters: [filter] }];
  const stream = await started(store, { entries: [...entries, { kind: "node", action: "WATCH_ACTION_CREATE" }] });
  await store.update((tx) => {
    tx.create(tasks, {
      id: "t",
      serviceId: "s",
      nodeId: "n",
      slot: "2",
      desiredState: "RUNNING",
      annotations: { indices: [{ key: "a", val: "bc" }] },
      spec: { container: { secrets: [{ secretId: "k" }] } },
    });
    tx.create(nodes, { id: "end" });
  });
  const { value } = await stream.next();
  expect(value.events.length).toBe(isSeen ? 2 : 1);
});

test("a kind that an extension defined is watched by its name", async () => {
  const store = leadingStore();
  const stream = await started(store, { entries: [everyAction("dns")] });
  await store.update((tx) => tx.create(extensions, { id: "e", annotations: { name: "dns" } }));
  await store.update((tx) => tx.create(resources, { id: "r", kind: "dns" }));
  expect((await stream.next()).value.events[0].object.resource.id).toBe("r");
});

test.each<[WatchRequest, string, string]>([
  [{ entries: [{ action: "WATCH_ACTION_CREATE" }] }, "INVALID_ARGUMENT", "no kind of object specified"],
  [{ entries: [{ kind: "node" }] }, "INVALID_ARGUMENT", "unrecognized action"],
  [{ resumeFrom: { index: "1" } }, "FAILED_PRECONDITION", expect.stringContaining("cannot be resumed")],
])("the request %o is refused", async (request, code, message) => {
  const stream = createWatch({ store: leadingStore() }).Watch(request, localCall)[Symbol.asyncIterator]();
  await expect(stream.next()).rejects.toMatchObject({ code, message });
});

test("a watch ends with its call and listens no longer", async () => {
  const store = leadingStore();
  const controller = new AbortController();
  const stream = await started(store, { entries: [] }, { ...localCall, signal: controller.signal });
  const next = stream.next();
  controller.abort();
  expect((await next).done).toBe(true);
});

test("a client that is too far behind is told so", async () => {
  const store = leadingStore();
  const stream = await started(store, { entries: [everyAction("task")] });
  await Promise.all(Array.from({ length: 10_001 }, (_, n) => store.update((tx) => tx.create(tasks, { id: `t${n}` }))));
  await expect(stream.next()).rejects.toMatchObject({ code: "RESOURCE_EXHAUSTED" });
});
