import type { AssignmentChange, AssignmentsMessage } from "@mswarm/wire";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type AssignmentSet, applyAssignments, noAssignments } from "./assignments.ts";

const task = (id: string, action: "UPDATE" | "REMOVE" = "UPDATE"): AssignmentChange => ({
  assignment: { task: { id } },
  action,
});
const secret = (id: string, action: "UPDATE" | "REMOVE" = "UPDATE"): AssignmentChange => ({
  assignment: { secret: { id } },
  action,
});

function applied(set: AssignmentSet, message: AssignmentsMessage): AssignmentSet {
  const answer = applyAssignments(set, message);
  if (answer.kind !== "applied") throw new TypeError("expected the message to apply");
  return answer.set;
}

test("the first message, complete and empty, has no type, no sequence before it and no changes on the wire", () => {
  const set = applied(noAssignments, { resultsIn: "1" });
  expect([set.sequence, set.tasks.size]).toEqual(["1", 0]);
});

test("a complete message replaces everything, secrets too", () => {
  const first = applied(noAssignments, { resultsIn: "1", changes: [task("a"), secret("s")] });
  const second = applied(first, { resultsIn: "1", changes: [task("b")] });
  expect([[...second.tasks.keys()], second.secrets.size]).toEqual([["b"], 0]);
});

test("an incremental message that does not follow on the last is a gap and changes nothing", () => {
  const set = applied(noAssignments, { resultsIn: "1", changes: [task("a")] });
  const message = { type: "INCREMENTAL", appliesTo: "2", resultsIn: "3", changes: [task("a", "REMOVE")] } as const;
  expect(applyAssignments(set, { ...message, changes: [...message.changes] })).toEqual({ kind: "gap" });
  expect([...set.tasks.keys()]).toEqual(["a"]);
});

test("a secret is forgotten when the dispatcher takes it back", () => {
  const set = applied(noAssignments, { resultsIn: "1", changes: [task("a"), secret("s")] });
  const next = applied(set, {
    type: "INCREMENTAL",
    appliesTo: "1",
    resultsIn: "2",
    changes: [secret("s", "REMOVE")],
  });
  expect([next.secrets.has("s"), next.tasks.has("a"), set.secrets.has("s")]).toEqual([false, true, true]);
});

test("kinds of assignments that are not known here are passed over", () => {
  const set = applied(noAssignments, { resultsIn: "1", changes: [{ assignment: { volume: { id: "v" } } }, {}] });
  expect(set.tasks.size + set.secrets.size + set.configs.size).toBe(0);
});

test("a run of messages leaves what a plain map would hold", () => {
  const id = fc.constantFrom("a", "b", "c", "d");
  const oneChange = fc.record({ id, action: fc.constantFrom("UPDATE" as const, "REMOVE" as const) });
  const messages = fc.array(
    fc.record({
      isComplete: fc.boolean(),
      changes: fc.uniqueArray(oneChange, { selector: (found) => found.id }),
    }),
  );
  fc.assert(
    fc.property(messages, (run) => {
      let set = applied(noAssignments, { resultsIn: "0" });
      let model = new Set<string>();
      run.forEach(({ isComplete, changes }, index) => {
        if (isComplete) model = new Set();
        for (const change of changes) change.action === "UPDATE" ? model.add(change.id) : model.delete(change.id);
        set = applied(set, {
          type: isComplete ? "COMPLETE" : "INCREMENTAL",
          appliesTo: isComplete ? "" : String(index),
          resultsIn: String(index + 1),
          changes: changes.map((change) => task(change.id, change.action)),
        });
      });
      expect(new Set(set.tasks.keys())).toEqual(model);
    }),
  );
});
