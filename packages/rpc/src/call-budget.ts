// How many calls a node may make: what one asks for costs the manager's processor, which it shares with all others.
import { type Clock, type Logger, TokenBucket, type TokenBucketOptions } from "@mswarm/runtime";
import { LineBudget } from "./line-budget.ts";

/** Below it nobody looks for buckets that can go. */
const sweepFrom = 1_000;

/** Counts calls by node, over all its connections and whichever manager they came through. */
export class CallBudget {
  readonly #rate: TokenBucketOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #lines: LineBudget;
  readonly #buckets = new Map<string, TokenBucket>();
  #sweepAt = sweepFrom;

  constructor(rate: TokenBucketOptions, clock: Clock, log: Logger) {
    this.#rate = rate;
    this.#clock = clock;
    this.#log = log;
    this.#lines = new LineBudget(10, clock);
  }

  /** Takes so many calls; false, and takes nothing, for a node that has made too many. */
  take(nodeId: string, calls = 1): boolean {
    let bucket = this.#buckets.get(nodeId);
    if (bucket === undefined) {
      this.#sweep();
      bucket = new TokenBucket(this.#clock, this.#rate);
      this.#buckets.set(nodeId, bucket);
    }
    if (bucket.take(calls)) return true;
    const line = this.#lines.take();
    if (line !== undefined) this.#log.warn({ node: nodeId, ...line }, "a node makes too many calls: some are refused");
    return false;
  }

  /** How many nodes are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Forgets nodes that have been quiet: whoever can join may do so under ever new ids. */
  #sweep(): void {
    if (this.#buckets.size < this.#sweepAt) return;
    for (const [nodeId, bucket] of this.#buckets) if (bucket.isFull) this.#buckets.delete(nodeId);
    this.#sweepAt = Math.max(sweepFrom, this.#buckets.size * 2);
  }
}
