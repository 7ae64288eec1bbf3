// Small proposals per second through three Raft members of one process, each with its own encrypted log on disk.
// Run: node --conditions=mswarm-source bench/raft-throughput.ts [seconds] [proposals in flight]
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KeyRing } from "../packages/raft/src/disk/key-ring.ts";
import { LevelLogStore } from "../packages/raft/src/disk/level-log-store.ts";
import { TestGroup } from "../packages/raft/src/node/testing/test-group.ts";
import { cryptoRandom, milliseconds, seconds, systemClock } from "../packages/runtime/src/index.ts";

const [length = "5", inFlight = "256"] = process.argv.slice(2);
const clock = systemClock();
const random = cryptoRandom();
const folder = await mkdtemp(join(tmpdir(), "mswarm-bench-"));
const keys = new KeyRing(random.bytes(32));
let appends = 0;

const group = new TestGroup({
  clock,
  random,
  // The state of the test group grows with every entry: snapshots would measure JSON.
  options: { snapshotInterval: Number.MAX_SAFE_INTEGER },
  openStore: async (raftId) => {
    const store = await LevelLogStore.open({ directory: join(folder, raftId), keys, random });
    const append = store.append.bind(store);
    store.append = (batch) => {
      appends += 1;
      return append(batch);
    };
    return store;
  },
});
const { node } = await group.bootstrap("1");
while (!node.leadership.isLeader) await clock.sleep(milliseconds(5));
for (const raftId of ["2", "3"]) await group.join(raftId);

const proposal = random.bytes(256);
let applied = 0;
const latencies: number[] = [];
const end = clock.monotonic() + seconds(Number(length));
const began = clock.monotonic();
appends = 0;
await Promise.all(
  Array.from({ length: Number(inFlight) }, async () => {
    while (clock.monotonic() < end) {
      const start = clock.monotonic();
      await node.propose([proposal])[0];
      latencies.push(clock.monotonic() - start);
      applied += 1;
    }
  }),
);
const took = (clock.monotonic() - began) / 1_000;
latencies.sort((left, right) => left - right);
const quantile = (share: number): string => (latencies[Math.floor(latencies.length * share)] ?? 0).toFixed(2);
process.stdout.write(
  `${Math.round(applied / took)} entries/s, ${inFlight} in flight, median ${quantile(0.5)} ms, p99 ${quantile(0.99)} ms, ` +
    `${Math.round(appends / 3 / took)} synced writes/s per member\n`,
);
await group.stop();
await rm(folder, { recursive: true, force: true });
