// The encrypted log against the plain one, under random histories.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cryptoRandom } from "@mswarm/runtime";
import fc from "fast-check";
import { expect, test } from "vitest";
import { KeyRing } from "./key-ring.ts";
import { LevelLogStore } from "./level-log-store.ts";
import type { LogStore } from "./log-store.ts";
import { MemoryLogStore } from "./memory-log-store.ts";
import { entriesOf, snapshotAt } from "./testing/log-store-contract.ts";

/** Each step is made possible by what the log holds at that moment; numbers are shares of the range that is allowed. */
const step = fc.record({
  kind: fc.constantFrom("append", "append", "rewrite", "vote", "snapshot", "compact", "install", "reopen", "rekey"),
  share: fc.double({ min: 0, max: 1, noNaN: true }),
  count: fc.integer({ min: 1, max: 5 }),
});

const random = cryptoRandom();

test("stores and finds what a plain list would", { timeout: 120_000 }, async () => {
  const directory = await mkdtemp(join(tmpdir(), "mswarm-model-"));
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
      run += 1;
      const keys = new KeyRing(random.bytes(32));
      const open = () => LevelLogStore.open({ directory: join(directory, String(run)), keys, random });
      let level = await open();
      const model = new MemoryLogStore();
      await level.load();
      let term = 1;
      let last = 0;
      let committed = 0;
      let snapshotIndex = 0;
      const both = (write: (store: LogStore) => Promise<void>) => Promise.all([write(level), write(model)]);
      for (const { kind, share, count } of steps) {
        const between = (low: number, high: number): number => Math.floor(low + share * (high - low));
        if (kind === "append" || kind === "rewrite") {
          if (kind === "rewrite") {
            last = between(committed, last);
            term += 1;
          }
          const entries = entriesOf(term, last + 1, last + count);
          last += count;
          committed = between(committed, last);
          const hardState = { term, vote: "0", commit: committed };
          await both((store) => store.append({ hardState, entries }));
        } else if (kind === "vote") {
          term += 1;
          const hardState = { term, vote: "7", commit: committed };
          await both((store) => store.append({ hardState, entries: [] }));
        } else if (kind === "snapshot" && committed > snapshotIndex) {
          snapshotIndex = committed;
          await both((store) => store.saveSnapshot(snapshotAt(snapshotIndex, term)));
        } else if (kind === "compact") {
          const index = between(0, snapshotIndex);
          await both((store) => store.compact(index));
        } else if (kind === "install") {
          snapshotIndex = last + count;
          [last, committed] = [snapshotIndex, snapshotIndex];
          const hardState = { term, vote: "0", commit: committed };
          await both((store) => store.append({ hardState, entries: [], snapshot: snapshotAt(snapshotIndex, term) }));
        } else if (kind === "rekey") {
          keys.setPending(random.bytes(32));
          await level.rekey();
          keys.promotePending();
        } else if (kind === "reopen") {
          await level.close();
          level = await open();
          expect(await level.load()).toEqual(await model.load());
        }
      }
      await level.close();
      level = await open();
      expect(await level.load()).toEqual(await model.load());
      await level.close();
    }),
    { numRuns: Number(process.env["MSWARM_MODEL_RUNS"] ?? 25) },
  );
  await rm(directory, { recursive: true });
});
