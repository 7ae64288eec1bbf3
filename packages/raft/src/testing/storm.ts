// What a seed makes of the weather: each kind of fault is switched on or off per seed, and then differs in strength,
// so that rare combinations get their turn (swarm testing).
import { pick, type Random } from "@mswarm/runtime";
import type { MemberWeather } from "./simulated-member.ts";
import type { NetworkWeather } from "./simulated-network.ts";

/** Chances per moment of what befalls the cluster or is asked of it. */
export interface Storm {
  readonly network: NetworkWeather;
  readonly member: MemberWeather;
  readonly proposalRate: number;
  readonly partitionRate: number;
  readonly oneWayCutRate: number;
  readonly healRate: number;
  readonly crashRate: number;
  /** What befalls the leader in particular: elections in a row leave logs that differ. */
  readonly leaderCrashRate: number;
  readonly leaderCutRate: number;
  /** For each member that is down. */
  readonly restartRate: number;
  readonly freezeRate: number;
  readonly membershipRate: number;
  readonly transferRate: number;
  /** Campaigns out of turn. */
  readonly campaignRate: number;
}

export function drawStorm(random: Random): Storm {
  const sometimes = (most: number): number => (random.below(2) === 0 ? 0 : random.fraction() * most);
  const between = (least: number, most: number): number => least + random.below(most - least + 1);
  return {
    network: {
      lossRate: sometimes(0.3),
      duplicateRate: sometimes(0.2),
      delayMax: between(0, 8),
      straggleRate: sometimes(0.1),
      straggleMax: between(20, 300),
    },
    member: {
      tickPeriod: pick([3, 10], random),
      diskLatencyMax: between(0, 10),
      stallRate: sometimes(0.05),
      stallMax: between(50, 300),
      crashRate: sometimes(0.02),
      snapshotInterval: between(0, 1) === 0 ? 1_000 : between(5, 60),
      entriesKept: between(0, 20),
    },
    proposalRate: random.fraction() ** 2 * 0.5,
    partitionRate: sometimes(0.008),
    oneWayCutRate: sometimes(0.01),
    healRate: 0.002 + random.fraction() ** 2 * 0.1,
    crashRate: sometimes(0.01),
    leaderCrashRate: sometimes(0.06),
    leaderCutRate: sometimes(0.05),
    restartRate: random.below(3) === 0 ? 0.3 : 0.003 + random.fraction() * 0.02,
    freezeRate: sometimes(0.003),
    membershipRate: sometimes(0.01),
    transferRate: sometimes(0.01),
    campaignRate: sometimes(0.05),
  };
}
