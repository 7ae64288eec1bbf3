// One run: a storm in which nothing may break, then calm in which things must move.
import { pick, type Random } from "@mswarm/runtime";
import { SeededRandom } from "@mswarm/runtime/simulated";
import type { RaftConfig } from "../core/config.ts";
import type { ConfChange } from "../core/messages.ts";
import { RaftCluster } from "./cluster.ts";
import type { DiskFault } from "./simulated-disk.ts";
import { calmMember, type DriverFault, type SimulatedMember } from "./simulated-member.ts";
import { calmNetwork } from "./simulated-network.ts";
import { drawStorm, type Storm } from "./storm.ts";

export interface SimulationOptions {
  readonly seed: number;
  /** How long the storm lasts; ten moments are a tick. */
  readonly moments?: number;
  /** Makes every disk, or every driver, break its word: such a run should fail. */
  readonly diskFault?: DiskFault;
  readonly driverFault?: DriverFault;
}

export interface SimulationReport {
  readonly seed: number;
  readonly committed: number;
  readonly acknowledged: number;
  /** Moments from the end of the storm to the first new commit everywhere. */
  readonly recovery: number;
  /** How often each kind of event happened, as named in the history. */
  readonly counts: ReadonlyMap<string, number>;
}

/** Members at most, removed ones not counted. */
const votersMax = 6;
/** Thirty times the longest election timeout: far more than it should take, far less than for ever. */
const electionsMax = 30 * 190;
/** A member with the smallest limits catches up by one entry per round trip. */
const catchUpMax = 8;

/**
 * Runs one seed.
 *
 * @throws SafetyViolation when a promise of Raft is broken, or the cluster does not recover in calm weather
 */
export function runSimulation(options: SimulationOptions): SimulationReport {
  const random = new SeededRandom(options.seed ^ 0x5f375a86);
  const storm = drawStorm(random);
  const cluster = new RaftCluster({
    seed: options.seed,
    members: 1 + random.below(5),
    configOf: drawConfigs(random),
    speaksEtcd33: (own) => own.below(5) === 0,
    diskFault: options.diskFault,
    driverFault: options.driverFault,
  });
  rage(cluster, storm, random, options.moments ?? 3_000);
  const recovery = recover(cluster);
  return {
    seed: options.seed,
    committed: cluster.checker.lastCommitted,
    acknowledged: cluster.acknowledged.length,
    recovery,
    counts: cluster.history.counts,
  };
}

/**
 * Check-quorum is a matter of the whole cluster; the rest may differ from member to member. Where limits are tight
 * everywhere, entries travel one by one, which leaves the most room between two of them.
 */
function drawConfigs(random: Random): (own: Random) => Partial<RaftConfig> {
  const checkQuorum = random.below(3) > 0;
  const electionTicks = pick([3, 10], random);
  const preVoteShare = random.below(3) / 2;
  const isTight = random.below(3) === 0;
  return (own) => ({
    checkQuorum,
    electionTicks,
    preVote: own.fraction() < preVoteShare,
    inflightMax: isTight ? 1 : pick([1, 2, 8, 256], own),
    entriesBytesMax: isTight ? 1 : pick([1, 100, 65_535], own),
    applyBytesMax: pick([1, 100, 1_048_576], own),
  });
}

function rage(cluster: RaftCluster, storm: Storm, random: Random, moments: number): void {
  cluster.network.weather = storm.network;
  for (const member of cluster.members.values()) expose(member, storm, random);
  const happens = (rate: number): boolean => random.fraction() < rate;
  for (let count = 0; count < moments; count += 1) {
    if (happens(storm.proposalRate)) proposeSomewhere(cluster);
    if (happens(storm.partitionRate)) divide(cluster, random);
    if (happens(storm.oneWayCutRate)) cutOneWay(cluster, random);
    if (happens(storm.healRate)) cluster.network.heal();
    strikeLeader(cluster, storm, random);
    const alive = runningOf(cluster);
    if (alive.length > 0) befall(cluster, storm, random, pick(alive, random));
    for (const member of cluster.members.values()) {
      if (!member.isRunning && happens(storm.restartRate)) member.start();
    }
    cluster.run(1);
  }
}

const runningOf = (cluster: RaftCluster): SimulatedMember[] =>
  [...cluster.members.values()].filter((member) => member.isRunning);

function befall(cluster: RaftCluster, storm: Storm, random: Random, victim: SimulatedMember): void {
  const happens = (rate: number): boolean => random.fraction() < rate;
  if (happens(storm.freezeRate)) {
    victim.frozenUntil = cluster.moment + random.below(400);
    cluster.history.record(victim.id, "freezes", `until ${victim.frozenUntil}`);
  }
  if (happens(storm.campaignRate)) victim.ask((core) => core.campaign());
  if (happens(storm.transferRate)) transfer(cluster, random);
  if (happens(storm.membershipRate)) changeMembers(cluster, storm, random);
  if (happens(storm.crashRate)) victim.crash();
}

function strikeLeader(cluster: RaftCluster, storm: Storm, random: Random): void {
  const { leader } = cluster;
  if (leader === undefined) return;
  if (random.fraction() < storm.leaderCutRate) {
    // Perhaps with a friend, so that its last entries survive somewhere.
    const friends = [...cluster.members.values()].filter((member) => member === leader || random.below(5) === 0);
    cluster.partition(
      friends,
      [...cluster.members.values()].filter((member) => !friends.includes(member)),
    );
  }
  if (random.fraction() < storm.leaderCrashRate) leader.crash();
}

/** Clocks drift: a tick is not the same everywhere. */
function expose(member: SimulatedMember, storm: Storm, random: Random): void {
  member.weather = { ...storm.member, tickPeriod: storm.member.tickPeriod - 1 + random.below(3) };
}

/** Clients ask whoever says that it leads, which may be more than one. */
function proposeSomewhere(cluster: RaftCluster): void {
  for (const member of cluster.members.values()) if (member.core?.isLeader) cluster.propose(member);
}

function divide(cluster: RaftCluster, random: Random): void {
  const left: SimulatedMember[] = [];
  const right: SimulatedMember[] = [];
  for (const member of cluster.members.values()) (random.below(2) === 0 ? left : right).push(member);
  cluster.partition(left, right);
}

function cutOneWay(cluster: RaftCluster, random: Random): void {
  const ids = [...cluster.members.keys()];
  const from = pick(ids, random);
  const to = pick(ids, random);
  if (from === to) return;
  cluster.network.cut(from, to);
  cluster.history.record(from, "cut", `on the way to ${cluster.history.nameOf(to)}`);
}

function transfer(cluster: RaftCluster, random: Random): void {
  const { leader } = cluster;
  const voters = leader?.core?.voters ?? [];
  if (leader === undefined || voters.length === 0) return;
  const to = pick(voters, random);
  if (!leader.ask((core) => core.transferLeadership(to))) return;
  cluster.history.record(leader.id, "transfers", `to ${cluster.history.nameOf(to)}`);
}

function changeMembers(cluster: RaftCluster, storm: Storm, random: Random): void {
  const { leader } = cluster;
  const voters = leader?.core?.voters ?? [];
  if (leader === undefined || voters.length === 0) return;
  const adds = voters.length < 3 || (voters.length < votersMax && random.below(2) === 0);
  const change: ConfChange = adds
    ? { id: String(cluster.moment), type: "add", raftId: newcomer(cluster, voters, storm, random), context: undefined }
    : { id: String(cluster.moment), type: "remove", raftId: pick(voters, random), context: undefined };
  if (leader.ask((core) => core.proposeConfChange(change))) {
    cluster.history.record(leader.id, `proposes ${change.type}`, cluster.history.nameOf(change.raftId));
  }
}

/** The latest member, when its join is still open; otherwise a new one. A raft id is never used twice. */
function newcomer(cluster: RaftCluster, voters: readonly string[], storm: Storm, random: Random): string {
  const latest = [...cluster.members.values()].at(-1);
  const isOpen = latest?.core?.lastIndex === 0;
  if (latest !== undefined && isOpen && !voters.includes(latest.id)) return latest.id;
  const member = cluster.join();
  expose(member, storm, random);
  return member.id;
}

/** Calm: everything that is down comes back, and a new proposal must reach every voter in time. */
function recover(cluster: RaftCluster): number {
  cluster.history.record("0", "calm");
  cluster.network.heal();
  cluster.network.weather = calmNetwork;
  for (const member of cluster.members.values()) {
    member.weather = { ...calmMember, snapshotInterval: member.weather.snapshotInterval };
    member.frozenUntil = 0;
    if (!member.isRunning) member.start();
  }
  const start = cluster.moment;
  const longest = Math.max(...[...cluster.members.values()].map((member) => member.core?.lastIndex ?? 0));
  const recoveryMax = electionsMax + catchUpMax * longest;
  const acknowledgedBefore = cluster.acknowledged.length;
  const isRecovered = (): boolean => {
    const { leader } = cluster;
    const fresh = cluster.acknowledged[acknowledgedBefore];
    if (fresh !== undefined && votersReached(cluster, fresh.index)) return true;
    if (leader !== undefined && cluster.moment % 50 === 0) cluster.propose(leader);
    return false;
  };
  if (!cluster.run(recoveryMax, isRecovered))
    cluster.history.fail(`no progress ${recoveryMax} moments after the storm`);
  confirmAcknowledged(cluster);
  return cluster.moment - start;
}

function votersReached(cluster: RaftCluster, index: number): boolean {
  const voters = cluster.leader?.core?.voters ?? [];
  return voters.length > 0 && voters.every((id) => (cluster.members.get(id)?.machine.index ?? 0) >= index);
}

/** What was acknowledged to a client is in the history that all share. */
function confirmAcknowledged(cluster: RaftCluster): void {
  for (const { data, index } of cluster.acknowledged) {
    const content = cluster.checker.committedAt(index)?.content;
    if (content !== `normal ${data}`)
      cluster.history.fail(`${data} was acknowledged at ${index}, where "${content}" is`);
  }
}
