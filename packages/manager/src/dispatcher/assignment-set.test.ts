import { secrets, tasks } from "@mswarm/store";
import { leadingStore } from "@mswarm/store/testing";
import type { AssignmentChange, TaskState } from "@mswarm/wire";
import fc from "fast-check";
import { expect, test } from "vitest";
import { compareTaskStates } from "../objects/task-state.ts";
import { AssignmentSet } from "./assignment-set.ts";

const states: readonly TaskState[] = ["NEW", "PENDING", "ASSIGNED", "READY", "RUNNING", "COMPLETE", "FAILED"];
const secretIds = ["a", "b", "c", "d"];

/** A worker that does what it is told, and nothing else. */
class Receiver {
  readonly tasks = new Set<string>();
  readonly secrets = new Set<string>();

  apply(changes: readonly AssignmentChange[]): void {
    for (const { assignment, action } of changes) {
      const id = assignment?.task?.id ?? assignment?.secret?.id ?? "";
      const held = assignment?.task === undefined ? this.secrets : this.tasks;
      if (action === "REMOVE") expect(held.delete(id)).toBe(true);
      else held.add(id);
    }
  }
}

const step = fc.record({
  task: fc.integer({ min: 0, max: 5 }),
  node: fc.constantFrom("here", "there"),
  advance: fc.boolean(),
  remove: fc.boolean(),
  secrets: fc.subarray(secretIds),
  flush: fc.boolean(),
});

test("a task that is made anew under its old id is taken from the node until it is assigned again", async () => {
  const store = leadingStore();
  const set = new AssignmentSet("here");
  const put = async (state: "NEW" | "ASSIGNED"): Promise<readonly (string | undefined)[]> => {
    await store.update((tx) => {
      if (tx.get(tasks, "t1") !== undefined) tx.remove(tasks, "t1");
      tx.create(tasks, { id: "t1", nodeId: "here", status: { state } });
    });
    return store.view((tx) => set.sync(tx, ["t1"])).map(({ action }) => action);
  };
  expect(await put("ASSIGNED")).toEqual(["UPDATE"]);
  expect(await put("NEW")).toEqual(["REMOVE"]);
  expect(await put("NEW")).toEqual([]);
  expect(await put("ASSIGNED")).toEqual(["UPDATE"]);
});

test("whatever happens to tasks, a node holds exactly its assigned tasks and the secrets of those not past RUNNING", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const store = leadingStore();
      await store.update((tx) => {
        for (const id of secretIds) tx.create(secrets, { id, spec: { annotations: { name: id } } });
      });
      const set = new AssignmentSet("here");
      const receiver = new Receiver();
      const changed = new Set<string>();
      const flush = (): void => {
        receiver.apply(store.view((tx) => set.sync(tx, changed)));
        changed.clear();
        const mine = store
          .view((tx) => tx.by(tasks, "node", "here"))
          .filter((task) => compareTaskStates(task.status?.state, "ASSIGNED") >= 0);
        const needed = mine
          .filter((task) => compareTaskStates(task.status?.state, "RUNNING") <= 0)
          .flatMap((task) => (task.spec?.container?.secrets ?? []).map(({ secretId }) => secretId));
        expect([...receiver.tasks].sort()).toEqual(mine.map((task) => task.id).sort());
        expect([...receiver.secrets].sort()).toEqual([...new Set(needed)].sort());
      };
      for (const { task, node, advance, remove, secrets: named, flush: isFlush } of steps) {
        const id = `t${task}`;
        await store.update((tx) => {
          const known = tx.get(tasks, id);
          const spec = { container: { secrets: named.map((secretId) => ({ secretId })) } };
          if (known === undefined) tx.create(tasks, { id, nodeId: node, spec, status: { state: "NEW" } });
          else if (remove) tx.remove(tasks, id);
          else {
            const next =
              states[Math.min(states.length - 1, states.indexOf(known.status?.state ?? "NEW") + (advance ? 1 : 0))];
            tx.update(tasks, {
              ...known,
              status: next === undefined ? {} : { state: next },
              ...(advance ? {} : { spec }),
            });
          }
        });
        changed.add(id);
        if (isFlush) flush();
      }
      flush();
    }),
    { numRuns: 150 },
  );
});
