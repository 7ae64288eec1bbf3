import { milliseconds, seconds, silentLogger } from "@mswarm/runtime";
import { SeededRandom, SimulatedClock, settle } from "@mswarm/runtime/simulated";
import { isChangeOf, nodes, Store, tasks } from "@mswarm/store";
import { heldProposer, leadingStore } from "@mswarm/store/testing";
import { expect, test } from "vitest";
import { type ControlLoop, nothing, type Outcome, runControlLoop } from "./control-loop.ts";

/** Wants one task for each node; a pure stand-in for the real loops. */
const mirror = (plan: Partial<ControlLoop> = {}): ControlLoop => ({
  name: "test",
  tables: [nodes, tasks],
  changed: (change, mark) => {
    if (isChangeOf(change, nodes)) mark(change.object.id ?? "");
  },
  everything: (tx, mark) => {
    for (const node of tx.all(nodes)) mark(node.id ?? "");
  },
  plan: (tx, key) =>
    tx.get(tasks, key) === undefined ? { changes: [{ kind: "create-task", task: { id: key } }] } : nothing,
  ...plan,
});

const partsOf = (clock: SimulatedClock, store: Store): Parameters<typeof runControlLoop>[1] => ({
  store,
  clock,
  log: silentLogger(),
});

test("a loop begins with what is there and goes on with what changes", async () => {
  const clock = new SimulatedClock();
  const store = leadingStore({ clock });
  const abort = new AbortController();
  await store.update((tx) => tx.create(nodes, { id: "early" }));
  const running = runControlLoop(mirror(), partsOf(clock, store), abort.signal);
  await settle();
  await store.update((tx) => tx.create(nodes, { id: "late" }));
  await settle();
  expect(store.view((tx) => [...tx.all(tasks)].map(({ id }) => id))).toEqual(["early", "late"]);
  abort.abort();
  await running;
});

test("changes of one key beyond the limit of a transaction are made in several", async () => {
  const clock = new SimulatedClock();
  const store = leadingStore({ clock });
  const abort = new AbortController();
  let commits = 0;
  store.watch(() => {
    commits += 1;
  }, [tasks]);
  const plan: ControlLoop["plan"] = (tx) => ({
    changes: Array.from({ length: 450 }, (_, index) => `t${index}`)
      .filter((id) => tx.get(tasks, id) === undefined)
      .map((id) => ({ kind: "create-task", task: { id } })),
  });
  const running = runControlLoop(
    mirror({ plan, everything: (_tx, mark) => mark("all") }),
    partsOf(clock, store),
    abort.signal,
  );
  await settle();
  expect(store.view((tx) => tx.count(tasks))).toBe(450);
  expect(commits).toBe(3);
  abort.abort();
  await running;
});

test("a key is looked at again when its time comes", async () => {
  const clock = new SimulatedClock();
  const store = leadingStore({ clock });
  const abort = new AbortController();
  const due = clock.now() + 5_000;
  const plan: ControlLoop["plan"] = (tx, key, now): Outcome => {
    if (tx.get(tasks, key) !== undefined) return nothing;
    if (now < due) return { changes: [], lookAgainAt: due as typeof now };
    return { changes: [{ kind: "create-task", task: { id: key } }] };
  };
  const running = runControlLoop(
    mirror({ plan, everything: (_tx, mark) => mark("a") }),
    partsOf(clock, store),
    abort.signal,
  );
  await clock.advance(seconds(4));
  expect(store.view((tx) => tx.count(tasks))).toBe(0);
  await clock.advance(seconds(2));
  expect(store.view((tx) => tx.count(tasks))).toBe(1);
  abort.abort();
  await running;
});

test("what another writer has in flight is seen: nothing is done twice", async () => {
  const clock = new SimulatedClock();
  const store = new Store({ clock, random: new SeededRandom(1), freeze: true });
  const proposer = heldProposer(store);
  store.lead(proposer);
  const abort = new AbortController();
  const running = runControlLoop(mirror(), partsOf(clock, store), abort.signal);
  const both = store.update((tx) => tx.create(nodes, { id: "a" }));
  await settle();
  // The other writer's task is proposed in the group before the loop's turn.
  const other = store.update((tx) => tx.create(tasks, { id: "a" }));
  proposer.commit();
  await both;
  await settle();
  proposer.commit();
  await Promise.all([other, settle()]);
  expect(store.view((tx) => tx.count(tasks))).toBe(1);
  abort.abort();
  await running;
});

test("a loop ends quietly when it is told to, and loudly when leadership is lost first", async () => {
  const clock = new SimulatedClock();
  const store = leadingStore({ clock });
  const running = runControlLoop(mirror(), partsOf(clock, store), new AbortController().signal);
  const rejected = expect(running).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
  const created = store.update((tx) => tx.create(nodes, { id: "a" }));
  store.watch(() => store.follow());
  await created.catch(() => undefined);
  await clock.advance(milliseconds(10));
  await rejected;
});
