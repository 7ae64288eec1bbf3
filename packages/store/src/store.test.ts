import { seconds, unavailable } from "@mswarm/runtime";
import { SeededRandom, SimulatedClock, settle } from "@mswarm/runtime/simulated";
import { internalRaftRequestCodec, type Secret } from "@mswarm/wire";
import { expect, test } from "vitest";
import type { Change } from "./changes.ts";
import { Store } from "./store.ts";
import { extensions, nodes, resources, secrets, services, tasks } from "./tables.ts";
import { heldProposer, leadingStore } from "./testing/index.ts";

const secret = (id: string, name = id): Secret => ({ id, spec: { annotations: { name }, data: Buffer.from("x") } });
const newStore = (): Store => new Store({ clock: new SimulatedClock(), random: new SeededRandom(2), freeze: true });
const lost = "raft: failed to process the request: node lost leader status";

test("an update becomes visible, and is watched, only after its commit", async () => {
  const store = newStore();
  const proposer = heldProposer(store);
  store.lead(proposer);
  const seen: string[] = [];
  store.watch((changes) => seen.push(...changes.map((change) => `${change.kind} ${change.object.id}`)));
  const update = store.update((tx) => tx.create(secrets, secret("a")));
  await settle();
  expect(store.view((tx) => tx.get(secrets, "a"))).toBeUndefined();
  expect(seen).toEqual([]);
  proposer.commit();
  expect(seen).toEqual(["create a"]);
  expect(await update).toEqual(store.view((tx) => tx.get(secrets, "a")));
});

test("creation sets version and times, an update keeps the time of creation", async () => {
  const clock = new SimulatedClock();
  const store = leadingStore({ clock });
  const created = await store.update((tx) => tx.create(secrets, secret("a")));
  await clock.advance(seconds(5));
  const updated = await store.update((tx) => tx.update(secrets, { ...created, internal: true }));
  expect(created.meta?.createdAt).toEqual(created.meta?.updatedAt);
  expect(updated.meta?.createdAt).toEqual(created.meta?.createdAt);
  expect(Number(updated.meta?.updatedAt?.seconds)).toBe(Number(created.meta?.updatedAt?.seconds) + 5);
  expect(Number(updated.meta?.version?.index)).toBeGreaterThan(Number(created.meta?.version?.index));
});

test("an object read before somebody else's update cannot be written", async () => {
  const store = leadingStore();
  const old = await store.update((tx) => tx.create(secrets, secret("a")));
  await store.update((tx) => tx.update(secrets, { ...old, internal: true }));
  await expect(store.update((tx) => tx.update(secrets, old))).rejects.toMatchObject({
    code: "UNKNOWN",
    message: "update out of sequence",
  });
  await expect(store.update((tx) => tx.update(secrets, secret("b")))).rejects.toThrow("object does not exist");
  await expect(store.update((tx) => tx.remove(secrets, "b"))).rejects.toThrow("object does not exist");
  await expect(store.update((tx) => tx.create(secrets, secret("a", "other")))).rejects.toThrow("object already exists");
});

test("names are unique without regard to case, also against an uncommitted write of the same group", async () => {
  const store = leadingStore();
  const taken = { code: "ALREADY_EXISTS", message: "name conflicts with an existing object" };
  const first = store.update((tx) => tx.create(secrets, secret("a", "Name")));
  const second = store.update((tx) => tx.create(secrets, secret("b", "nAME")));
  await first;
  await expect(second).rejects.toMatchObject(taken);
  await store.update((tx) => tx.create(services, { id: "s", spec: { annotations: { name: "name" } } }));
  const other = await store.update((tx) => tx.create(secrets, secret("c", "other")));
  const renamed = { ...other, spec: { ...other.spec, annotations: { name: "NAME" } } };
  await expect(store.update((tx) => tx.update(secrets, renamed))).rejects.toMatchObject(taken);
});

test("a name is free again once its owner is renamed or removed in the same transaction", async () => {
  const store = leadingStore();
  const a = await store.update((tx) => tx.create(secrets, secret("a", "x")));
  await store.update((tx) => {
    tx.update(secrets, { ...a, spec: { ...a.spec, annotations: { name: "y" } } });
    tx.create(secrets, secret("b", "x"));
  });
  await store.update((tx) => {
    tx.remove(secrets, "b");
    tx.create(secrets, secret("c", "X"));
  });
  expect(store.view((tx) => tx.by(secrets, "name", "x").map((each) => each.id))).toEqual(["c"]);
});

test("resources need an extension of their kind, extensions are immutable and stay while they are used", async () => {
  const store = leadingStore();
  const resource = { id: "r", annotations: { name: "one" }, kind: "mswarm.x" };
  await expect(store.update((tx) => tx.create(resources, resource))).rejects.toThrow("object kind is unregistered");
  const builtIn = { id: "e", annotations: { name: "task" } };
  await expect(store.update((tx) => tx.create(extensions, builtIn))).rejects.toThrow("name conflicts");
  const extension = await store.update((tx) => tx.create(extensions, { id: "e", annotations: { name: "mswarm.x" } }));
  await store.update((tx) => tx.create(resources, resource));
  await expect(store.update((tx) => tx.update(extensions, extension))).rejects.toThrow("extensions are immutable");
  await expect(store.update((tx) => tx.remove(extensions, "e"))).rejects.toThrow("cannot delete extension");
  await store.update((tx) => {
    tx.remove(resources, "r");
    tx.remove(extensions, "e");
  });
  expect(store.view((tx) => tx.count(extensions))).toBe(0);
});

test("updates that wait are proposed together, and the next group waits for the one in flight", async () => {
  const store = newStore();
  const proposer = heldProposer(store);
  store.lead(proposer);
  const first = [1, 2, 3].map((n) => store.update((tx) => tx.create(secrets, secret(`a${n}`))));
  await settle();
  const second = [1, 2].map((n) => store.update((tx) => [tx.create(secrets, secret(`b${n}`)), tx.count(secrets)]));
  await settle();
  expect(proposer.groups).toEqual([3]);
  proposer.commit(2);
  await settle();
  expect(proposer.groups).toEqual([3]);
  proposer.commit();
  await Promise.all(first);
  await settle();
  expect(proposer.groups).toEqual([3, 2]);
  proposer.commit();
  expect((await Promise.all(second)).map(([, count]) => count)).toEqual([4, 5]);
});

test("versions grow by entry and follow the log index when that is ahead", async () => {
  const store = newStore();
  const proposer = heldProposer(store);
  store.lead({ ...proposer, nextIndex: 100, propose: (entries) => proposer.propose(entries) });
  const created = [1, 2].map((n) => store.update((tx) => tx.create(secrets, secret(`a${n}`))));
  await settle();
  proposer.commit();
  const next = store.update((tx) => tx.create(secrets, secret("b")));
  await settle();
  proposer.commit();
  const versions = (await Promise.all([...created, next])).map((each) => each.meta?.version?.index);
  expect(versions).toEqual(["100", "101", "102"]);
});

test("a callback that throws changes nothing, for those after it too", async () => {
  const store = leadingStore();
  const failing = store.update((tx) => {
    tx.create(secrets, secret("a"));
    throw unavailable("no");
  });
  const after = store.update((tx) => tx.create(secrets, secret("b", "a")));
  await expect(failing).rejects.toThrow("no");
  await after;
  expect(store.view((tx) => [...tx.all(secrets)].map((each) => each.id))).toEqual(["b"]);
});

test("a callback that changes nothing proposes nothing, but waits for the writes it has seen", async () => {
  const store = newStore();
  const proposer = heldProposer(store);
  store.lead(proposer);
  expect(await store.update((tx) => tx.count(secrets))).toBe(0);
  expect(proposer.groups).toEqual([]);
  const write = store.update((tx) => tx.create(secrets, secret("a")));
  const look = store.update((tx) => tx.count(secrets));
  await settle();
  expect(proposer.groups).toEqual([1]);
  store.follow();
  await expect(write).rejects.toThrow(lost);
  await expect(look).rejects.toThrow(lost);
});

test("losing leadership rejects what waits and what is in flight; an entry that commits anyway is applied", async () => {
  const store = newStore();
  await expect(store.update(() => 1)).rejects.toMatchObject({ code: "FAILED_PRECONDITION", message: lost });
  const proposer = heldProposer(store);
  store.lead(proposer);
  const inFlight = store.update((tx) => tx.create(secrets, secret("a")));
  await settle();
  const waiting = store.update((tx) => tx.create(secrets, secret("b")));
  store.follow();
  await expect(inFlight).rejects.toThrow(lost);
  await expect(waiting, "this one may be repeated").rejects.toThrow("raft: the change was not begun");
  proposer.commit();
  await settle();
  expect(store.view((tx) => [...tx.all(secrets)].map((each) => each.id))).toEqual(["a"]);
});

test("a refused proposal rejects its update alone", async () => {
  const store = newStore();
  const proposer = heldProposer(store);
  store.lead(proposer);
  const refused = store.update((tx) => tx.create(secrets, secret("a")));
  const dependent = store.update((tx) => tx.update(secrets, { ...tx.get(secrets, "a"), internal: true }));
  const free = store.update((tx) => tx.create(secrets, secret("b")));
  await settle();
  proposer.refuse(unavailable("full"));
  proposer.commit();
  await expect(refused).rejects.toThrow("full");
  await expect(dependent).rejects.toThrow("object does not exist");
  await free;
  expect(store.view((tx) => [...tx.all(secrets)].map((each) => each.id))).toEqual(["b"]);
});

test("a proposal above 1.5 MiB is refused", async () => {
  const store = leadingStore();
  const large = { id: "a", spec: { annotations: { name: "a" }, data: Buffer.alloc(1_572_864) } };
  await expect(store.update((tx) => tx.create(secrets, large))).rejects.toMatchObject({
    code: "UNKNOWN",
    message: "raft: raft message is too large and can't be sent",
  });
  expect(store.view((tx) => tx.count(secrets))).toBe(0);
});

test("one failing action leaves out the whole entry", () => {
  const store = newStore();
  const create = (id: string) => ({ action: "STORE_ACTION_CREATE", secret: secret(id) }) as const;
  const entry = (...action: { action?: "STORE_ACTION_CREATE"; secret?: Secret }[]): Buffer =>
    internalRaftRequestCodec.encode({ id: "5", action });
  store.applyEntry(entry(create("a")));
  const notices: (readonly Change[])[] = [];
  store.watch((changes) => notices.push(changes));
  store.applyEntry(entry(create("b"), create("a")));
  store.applyEntry(entry(create("c"), { secret: secret("d") }));
  store.applyEntry(Buffer.alloc(0));
  expect(store.view((tx) => [...tx.all(secrets)].map((each) => each.id))).toEqual(["a"]);
  expect(notices).toEqual([]);
  expect(() => store.applyEntry(Buffer.from("not protobuf"))).toThrow("cannot be decoded");
});

test("a foreign entry with the id of an own one is not taken for it", async () => {
  const store = newStore();
  const proposer = heldProposer(store);
  store.lead(proposer);
  const own = store.update((tx) => tx.create(secrets, secret("a")));
  await settle();
  const { id } = internalRaftRequestCodec.decode(proposer.held[0] ?? Buffer.alloc(0));
  store.applyEntry(
    internalRaftRequestCodec.encode({
      id: id ?? "",
      action: [{ action: "STORE_ACTION_CREATE", secret: secret("z") }],
    }),
  );
  expect(store.view((tx) => [...tx.all(secrets)].map((each) => each.id))).toEqual(["z"]);
  proposer.commit();
  await own;
});

test("a watch of some tables hears only of them", async () => {
  const store = leadingStore();
  const heard: string[] = [];
  const stop = store.watch((changes, version) => heard.push(`${version} ${changes.map((c) => c.object.id)}`), [tasks]);
  await store.update((tx) => {
    tx.create(tasks, { id: "t" });
    tx.create(nodes, { id: "n" });
  });
  await store.update((tx) => tx.create(nodes, { id: "m" }));
  stop();
  await store.update((tx) => tx.create(tasks, { id: "u" }));
  expect(heard).toEqual(["1 t"]);
});

test("restoring a snapshot replaces everything and shows watchers the differences", async () => {
  const source = leadingStore();
  await source.update((tx) => tx.create(secrets, secret("kept")));
  await source.update((tx) => tx.create(secrets, secret("gone")));
  const target = newStore();
  target.restore(source.save());
  const kept = source.view((tx) => tx.get(secrets, "kept"));
  await source.update((tx) => {
    tx.remove(secrets, "gone");
    tx.create(secrets, secret("new"));
    tx.update(secrets, { ...kept, internal: true });
  });
  const heard: string[] = [];
  target.watch((changes) => heard.push(...changes.map((change) => `${change.kind} ${change.object.id}`)));
  target.restore(source.save());
  expect(heard.sort()).toEqual(["create new", "remove gone", "update kept"]);
  expect(target.save()).toEqual(source.save());
  expect(target.version).toBeGreaterThanOrEqual(source.version);
});

test("a batch is split at 200 changes", async () => {
  const store = leadingStore();
  const sizes: number[] = [];
  store.watch((changes) => sizes.push(changes.length));
  const ids = Array.from({ length: 450 }, (_, n) => `t${n}`);
  await store.batch(ids, (tx, id) => tx.create(tasks, { id }));
  expect(sizes).toEqual([200, 200, 50]);
});

test("a batch is split before a transaction grows too large for a log entry", async () => {
  const store = leadingStore();
  const sizes: number[] = [];
  store.watch((changes) => sizes.push(changes.length));
  const data = Buffer.alloc(400_000);
  await store.batch(["a", "b", "c", "d"], (tx, id) =>
    tx.create(secrets, { id, spec: { annotations: { name: id }, data } }),
  );
  expect(sizes).toEqual([3, 1]);
});

test("writing to a stored object throws where objects are frozen", async () => {
  const store = leadingStore();
  const stored = await store.update((tx) => tx.create(secrets, secret("a")));
  expect(() => Object.assign(stored.spec ?? {}, { data: undefined })).toThrow(TypeError);
});

test("an asynchronous callback is a mistake that is named", async () => {
  await expect(leadingStore().update(async () => undefined)).rejects.toThrow("must be synchronous");
});

test("ids are found by prefix in order", async () => {
  const store = leadingStore();
  await store.batch(["b2", "a1", "b1"], (tx, id) => tx.create(tasks, { id }));
  expect(store.view((tx) => tx.idsByPrefix(tasks, "b"))).toEqual(["b1", "b2"]);
  expect(() => store.view((tx) => tx.by(tasks, "nothing", ""))).toThrow("no such index");
});
