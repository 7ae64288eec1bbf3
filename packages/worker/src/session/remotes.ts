// The managers this node knows, and how well each has served: a weighted choice among them.
// Source: swarmkit remotes/remotes.go; wire reference 1.7.
import type { Random } from "@mswarm/runtime";
import type { WeightedPeer } from "@mswarm/wire";

/** A manager as `state.json` holds it. */
export interface RemotePeer {
  readonly nodeId: string;
  /** `host:port`. */
  readonly address: string;
}

/** Weight of one observation: this much for better, as much for worse. */
export const observationWeight = 10;
const weightMax = 256;
const smoothing = 0.5;
/** Far more than a Raft group can have. */
const managersMax = 100;
/** Keeps a manager with the lowest weight eligible. */
const bias = 0.001;

interface Remote {
  readonly peer: RemotePeer;
  weight: number;
}

/** Keyed by address: one manager may be known by several, its node id unknown at first. */
export class Remotes {
  readonly #remotes = new Map<string, Remote>();

  constructor(peers: readonly RemotePeer[] = []) {
    for (const peer of peers) this.#remotes.set(peer.address, { peer, weight: 0 });
  }

  get peers(): readonly RemotePeer[] {
    return [...this.#remotes.values()].map(({ peer }) => peer);
  }

  weightOf(address: string): number | undefined {
    return this.#remotes.get(address)?.weight;
  }

  /** Exponentially smoothed: half the old weight, half the observation; a new manager starts at 0. */
  observe(peer: RemotePeer, weight: number): void {
    const old = this.#remotes.get(peer.address)?.weight ?? 0;
    const smoothed = Math.ceil(clipped(weight) * smoothing + old * (1 - smoothing));
    this.#remotes.set(peer.address, { peer, weight: clipped(smoothed) });
  }

  /**
   * The managers of a SessionMessage: each is observed with the weight in it, others are forgotten.
   * Differs: an empty list is ignored (SwarmKit forgets all and can never connect again).
   */
  follow(managers: readonly WeightedPeer[]): void {
    const named = managers.flatMap(({ peer, weight }) => {
      const address = peer?.addr ?? "";
      return address === "" ? [] : [{ nodeId: peer?.nodeId ?? "", address, weight: Number(weight ?? 0) }];
    });
    if (named.length === 0) return;
    named.splice(managersMax);
    for (const { nodeId, address, weight } of named) this.observe({ nodeId, address }, weight);
    const addresses = new Set(named.map(({ address }) => address));
    for (const address of this.#remotes.keys()) if (!addresses.has(address)) this.#remotes.delete(address);
  }

  /** A manager, the likelier the better it has served; undefined when none is known. */
  select(random: Random): RemotePeer | undefined {
    const remotes = [...this.#remotes.values()];
    const chances = remotes.map(({ weight }) => Math.max(weight, 0) + bias);
    let point = random.fraction() * chances.reduce((sum, chance) => sum + chance, 0);
    for (const [index, { peer }] of remotes.entries()) {
      point -= chances[index] ?? 0;
      if (point < 0) return peer;
    }
    return remotes.at(-1)?.peer;
  }
}

const clipped = (weight: number): number => Math.max(-weightMax, Math.min(weightMax, weight));
