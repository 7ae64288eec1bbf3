import { isSwarmError } from "@mswarm/runtime";
import { SeededRandom, SimulatedClock } from "@mswarm/runtime/simulated";
import { snapshotCodec, type Task, type TaskState } from "@mswarm/wire";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Store } from "./store.ts";
import { foldName } from "./table.ts";
import { secrets, tasks } from "./tables.ts";
import { immediateProposer } from "./testing/index.ts";
import type { ReadTransaction, WriteTransaction } from "./transaction.ts";

const states: readonly TaskState[] = ["NEW", "RUNNING", "FAILED"];
const letter = fc.constantFrom("a", "b", "c");
const taskFields = fc.record({
  serviceId: letter,
  nodeId: letter,
  slot: fc.constantFrom("1", "2"),
  desiredState: fc.constantFrom(...states),
  secret: fc.option(letter, { nil: undefined }),
});
const id = fc.constantFrom("1", "2", "3", "4", "5");
const step = fc.oneof(
  fc.record({ kind: fc.constant("put" as const), id, fields: taskFields }),
  fc.record({ kind: fc.constant("remove" as const), id }),
  fc.record({ kind: fc.constant("secret" as const), id, name: fc.constantFrom("x", "X", "y", "z") }),
  fc.record({ kind: fc.constant("throw" as const) }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** The model: two arrays and nothing clever. */
interface Model {
  tasks: Task[];
  secrets: { id: string; name: string }[];
}

function taskOf(step: Extract<Step, { kind: "put" }>): Task {
  const { secret, ...fields } = step.fields;
  return {
    id: step.id,
    ...fields,
    ...(secret === undefined ? {} : { spec: { container: { secrets: [{ secretId: secret }] } } }),
  };
}

function write(tx: WriteTransaction, step: Step): void {
  if (step.kind === "throw") throw new RangeError("planned");
  if (step.kind === "secret") tx.create(secrets, { id: step.id, spec: { annotations: { name: step.name } } });
  else if (step.kind === "remove") tx.remove(tasks, step.id);
  else {
    const stored = tx.get(tasks, step.id);
    if (stored === undefined) tx.create(tasks, taskOf(step));
    else tx.update(tasks, { ...taskOf(step), ...(stored.meta === undefined ? {} : { meta: stored.meta }) });
  }
}

/** False when the model refuses, as the store must. */
function model(state: Model, step: Step): boolean {
  if (step.kind === "throw") return false;
  if (step.kind === "secret") {
    if (state.secrets.some((each) => each.id === step.id || each.name.toLowerCase() === step.name.toLowerCase())) {
      return false;
    }
    state.secrets.push({ id: step.id, name: step.name });
    return true;
  }
  const others = state.tasks.filter((each) => each.id !== step.id);
  if (step.kind === "remove" && others.length === state.tasks.length) return false;
  state.tasks = step.kind === "remove" ? others : [...others, taskOf(step)];
  return true;
}

const ids = (objects: Iterable<{ id?: string }>): string[] => [...objects].map((each) => each.id ?? "").sort();

function expectSame(tx: ReadTransaction, state: Model): void {
  expect(ids(tx.all(tasks))).toEqual(ids(state.tasks));
  expect(tx.count(tasks)).toBe(state.tasks.length);
  expect(ids(tx.all(secrets))).toEqual(ids(state.secrets));
  for (const key of ["a", "b", "c"]) {
    expect(ids(tx.by(tasks, "service", key))).toEqual(ids(state.tasks.filter((each) => each.serviceId === key)));
    expect(ids(tx.by(tasks, "node", key))).toEqual(ids(state.tasks.filter((each) => each.nodeId === key)));
    expect(ids(tx.by(tasks, "slot", `${key}/1`))).toEqual(
      ids(state.tasks.filter((each) => each.serviceId === key && each.slot === "1")),
    );
    expect(ids(tx.by(tasks, "secret", key))).toEqual(
      ids(state.tasks.filter((each) => each.spec?.container?.secrets?.some((each) => each.secretId === key))),
    );
  }
  for (const key of states) {
    expect(ids(tx.by(tasks, "desiredState", key))).toEqual(ids(state.tasks.filter((e) => e.desiredState === key)));
  }
  for (const key of ["x", "y"]) {
    expect(ids(tx.by(secrets, "name", key))).toEqual(
      ids(state.secrets.filter((each) => each.name.toLowerCase() === key)),
    );
  }
}

const newStore = (): Store => new Store({ clock: new SimulatedClock(), random: new SeededRandom(3), freeze: true });

test("the store answers like plain arrays, inside a group and after it, and every replica like the leader", async () => {
  const transactions = fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(transactions, fc.nat({ max: 5 }), async (plan, groupSize) => {
      const leader = newStore();
      const replica = newStore();
      const inner = immediateProposer(leader);
      leader.lead({
        get nextIndex() {
          return inner.nextIndex;
        },
        propose: (entries) => {
          for (const entry of entries) replica.applyEntry(Buffer.from(entry));
          return inner.propose(entries);
        },
      });
      let state: Model = { tasks: [], secrets: [] };
      let pending: Promise<void>[] = [];
      for (const steps of plan) {
        pending.push(
          leader
            .update((tx) => {
              const trial: Model = { tasks: [...state.tasks], secrets: [...state.secrets] };
              for (const each of steps) {
                const accepted = model(trial, each);
                if (!accepted) expect(() => write(tx, each)).toThrow();
                // A refused step fails the whole transaction.
                if (!accepted) throw new RangeError("refused");
                write(tx, each);
                expectSame(tx, trial);
              }
              state = trial;
            })
            .catch((error: unknown) => {
              if (!(error instanceof RangeError) && !isSwarmError(error)) throw error;
            }),
        );
        if (pending.length > groupSize) {
          await Promise.all(pending);
          pending = [];
        }
      }
      await Promise.all(pending);
      leader.view((tx) => expectSame(tx, state));
      expect(snapshotCodec.encode({ store: replica.save() })).toEqual(snapshotCodec.encode({ store: leader.save() }));
      expect(replica.version).toBe(leader.version);
      const restored = newStore();
      restored.restore(snapshotCodec.decode(snapshotCodec.encode({ store: leader.save() })).store ?? {});
      restored.view((tx) => expectSame(tx, state));
    }),
    { numRuns: 150 },
  );
});

test("versions of commits only grow", async () => {
  const store = newStore();
  store.lead(immediateProposer(store));
  const versions: number[] = [];
  store.watch((changes, version) => {
    versions.push(version);
    for (const { object, kind } of changes)
      if (kind !== "remove") expect(Number(object.meta?.version?.index)).toBe(version);
  });
  for (let round = 0; round < 5; round += 1) {
    await Promise.all(["a", "b", "c"].map((each) => store.update((tx) => tx.create(tasks, { id: `${each}${round}` }))));
  }
  expect(versions).toEqual([...new Set(versions)].sort((left, right) => left - right));
});

test("names fold as Go folds them, character by character", () => {
  expect(foldName("WEB-1")).toBe("web-1");
  expect(foldName("ΟΔΟΣ")).toBe("οδοσ");
  expect(foldName("\u0130")).toBe("i");
});
