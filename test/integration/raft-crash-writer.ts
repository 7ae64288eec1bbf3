// A process that appends entries without end and prints the index of each one that was acknowledged. To be killed.

import { KeyRing, LevelLogStore } from "@mswarm/raft";
import { cryptoRandom } from "@mswarm/runtime";

const [directory = "", secret = ""] = process.argv.slice(2);
const store = await LevelLogStore.open({
  directory,
  keys: new KeyRing(Buffer.from(secret, "hex")),
  random: cryptoRandom(),
});
const { entries, snapshot, hardState } = await store.load();
let index = entries.at(-1)?.index ?? snapshot?.meta.index ?? 0;
let term = hardState?.term ?? 0;
for (;;) {
  index += 1;
  // Every seventh append votes, every fortieth is followed by a snapshot and a compaction.
  if (index % 7 === 0 || term === 0) term += 1;
  const data = Buffer.from(`entry ${index}`.padEnd(40_000, "."));
  await store.append({
    hardState: { term, vote: "1", commit: index - 1 },
    entries: [{ term, index, type: "normal", data }],
  });
  process.stdout.write(`${index} ${term}\n`);
  if (index % 40 === 0) {
    await store.saveSnapshot({ meta: { index, term, voters: ["1"] }, data: Buffer.from(`state ${index}`) });
    await store.compact(index - 10);
  }
}
