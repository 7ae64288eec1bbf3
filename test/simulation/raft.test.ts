// Raft under storms: many seeds, each a cluster whose network, disks, clocks and members misbehave in its own way.
//
//   MSWARM_SEED=4711 vitest run --project simulation test/simulation/raft.test.ts     replays one seed
//   MSWARM_SEEDS=20000 vitest run …                                                   widens the search
import { runSimulation, SafetyViolation, type SimulationReport } from "@mswarm/raft/testing";
import { cryptoRandom } from "@mswarm/runtime";
import { describe, expect, test } from "vitest";

const replayed = process.env["MSWARM_SEED"];
const widened = process.env["MSWARM_SEEDS"];

/** The same in every run, so that a change is judged by what it changed. */
const fixedCount = 800;
/** New in every run; a failure names its seed. */
const freshCount = widened === undefined ? 100 : Number(widened);
const chunk = 100;

const freshStart = 1_000_000 + cryptoRandom().below(1_000_000_000);

function chunks(start: number, count: number): { from: number; to: number }[] {
  return Array.from({ length: Math.ceil(count / chunk) }, (_, number) => ({
    from: start + number * chunk,
    to: Math.min(start + (number + 1) * chunk, start + count) - 1,
  }));
}

function runAll(from: number, to: number): SimulationReport[] {
  return Array.from({ length: to - from + 1 }, (_, offset) => runSimulation({ seed: from + offset }));
}

if (replayed === undefined) {
  describe("many seeds", manySeeds);
  describe("the checker", checkTheChecker);
} else {
  test(`raft keeps its promises, and recovers, under seed ${replayed}`, () => {
    console.log(runSimulation({ seed: Number(replayed) }));
  });
}

function manySeeds(): void {
  const seen = new Map<string, number>();
  let acknowledged = 0;

  test.each([...chunks(1, fixedCount), ...chunks(freshStart, freshCount)])(
    "raft keeps its promises, and recovers, under seeds $from to $to",
    ({ from, to }) => {
      for (const report of runAll(from, to)) {
        acknowledged += report.acknowledged;
        for (const [what, count] of report.counts) seen.set(what, (seen.get(what) ?? 0) + count);
      }
    },
  );

  test("the storms reached what they are meant to reach", () => {
    const rare = [
      "applies add",
      "applies remove",
      "becomes pre-candidate",
      "becomes leader",
      "crashes",
      "freezes",
      "keeps a snapshot",
      "restores a snapshot",
      "partition",
      "cut",
      "transfers",
      "delivered timeout-now",
      "lost snap",
    ];
    // The rarest of them happens about 50 times in 900 seeds; the fresh ones make the number vary.
    for (const what of rare) expect(seen.get(what) ?? 0, what).toBeGreaterThan(20);
    expect(acknowledged).toBeGreaterThan(fixedCount * 20);
  });

  test("one seed is one run", () => {
    expect(runSimulation({ seed: 42 })).toEqual(runSimulation({ seed: 42 }));
  });
}

function checkTheChecker(): void {
  /** The first of some seeds under which it finds something, and what. */
  function findingOf(fault: Omit<Parameters<typeof runSimulation>[0], "seed">): string | undefined {
    for (let seed = 1; seed <= 300; seed += 1) {
      try {
        runSimulation({ ...fault, seed });
      } catch (error) {
        if (error instanceof SafetyViolation) return error.message;
        throw error;
      }
    }
    return undefined;
  }

  test.each([
    { what: "a disk that forgets votes", fault: { diskFault: "forgets-votes" }, finding: /two votes|two leaders/ },
    {
      what: "a disk that loses what it said to have synced",
      fault: { diskFault: "loses-synced-writes" },
      finding: /./,
    },
    {
      what: "a member that answers before its disk has it",
      fault: { driverFault: "answers-before-sync" },
      finding: /disks|noticed a loss/,
    },
    { what: "a leader that counts itself too early", fault: { driverFault: "advances-before-sync" }, finding: /disks/ },
  ] as const)("notices $what, and tells the seed and the story", ({ fault, finding }) => {
    const message = findingOf(fault);
    expect(message).toMatch(finding);
    expect(message).toMatch(/MSWARM_SEED=\d+/);
    expect(message).toMatch(/\n +\d+ +m\d +(delivered|lost|becomes) .*term=\d+/);
  });
}
