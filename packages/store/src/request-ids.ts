import type { Clock, Random } from "@mswarm/runtime";

/**
 * Ids of raft requests: 40 bits of milliseconds, then 8 bits that begin anywhere; then one up for each. Unique in a
 * process as long as it makes fewer than 256 per millisecond over its life; fits a safe integer.
 * Source: etcd pkg/idutil; the member prefix is 0, as in SwarmKit (wire reference 5.7).
 */
export function requestIds(clock: Clock, random: Random): () => number {
  let last = (Math.floor(clock.now()) % 2 ** 40) * 256 + random.below(256);
  return () => {
    last += 1;
    return last;
  };
}
