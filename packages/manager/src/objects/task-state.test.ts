import { readFileSync } from "node:fs";
import type { TaskState } from "@mswarm/wire";
import { codecOf } from "@mswarm/wire";
import { expect, test } from "vitest";
import { rankOf, taskStates } from "./task-state.ts";

const states = Object.keys(taskStates) as TaskState[];

test("the rank of a state is its number on the wire", () => {
  const codec = codecOf<{ state?: TaskState }>("docker.swarmkit.v1.TaskStatus");
  for (const state of states) {
    const bytes = codec.encode({ state });
    // Field 2, a varint; zero may be left out.
    const number = bytes.length < 2 ? 0 : bytes.readUInt8(1) + (bytes.length > 2 ? bytes.readUInt8(2) * 128 - 128 : 0);
    expect([state, number]).toEqual([state, rankOf(state)]);
  }
});

test("every state but REMOVE is reached by somebody, and exactly the states beyond RUNNING are terminal", () => {
  for (const state of states) {
    const { movers, terminal } = taskStates[state];
    expect([state, movers.length > 0]).toEqual([state, state !== "REMOVE"]);
    expect([state, terminal]).toEqual([state, rankOf(state) > rankOf("RUNNING")]);
  }
});

test("an absent state is NEW", () => {
  expect(rankOf(undefined)).toBe(0);
});

test("docs/subsystems/tasks.md shows this table", () => {
  const page = readFileSync(new URL("../../../../docs/subsystems/tasks.md", import.meta.url), "utf8");
  const cells = (state: TaskState): string[] => {
    const { movers, terminal, desirable } = taskStates[state];
    return [state, String(rankOf(state)), movers.join(", "), terminal ? "yes" : "", desirable ? "yes" : ""];
  };
  const lines = page.split("\n").map((line) =>
    line
      .split("|")
      .map((cell) => cell.trim())
      .slice(1, -1),
  );
  for (const state of states) expect(lines).toContainEqual(cells(state));
});
