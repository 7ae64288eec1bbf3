import type { Clock, Random } from "@mswarm/runtime";
import { SeededRandom, SimulatedClock } from "@mswarm/runtime/simulated";
import { Store } from "../store.ts";
import { immediateProposer } from "./proposers.ts";

/** A frozen-object store that leads and commits at once; on a simulated clock where none is given. */
export function leadingStore(parts: { clock?: Clock; random?: Random } = {}): Store {
  const store = new Store({
    clock: parts.clock ?? new SimulatedClock(),
    random: parts.random ?? new SeededRandom(1),
    freeze: true,
  });
  store.lead(immediateProposer(store));
  return store;
}
