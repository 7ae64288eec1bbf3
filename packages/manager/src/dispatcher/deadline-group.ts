// Many deadlines, one timer.
import { type Clock, type Duration, milliseconds, type Timer } from "@mswarm/runtime";

/**
 * Deadlines by key. Moving one further away, what every heartbeat does, changes one number: the key stays in the bucket
 * it is in and is looked at again when that bucket falls due. Only the earliest bucket has a timer.
 */
export class DeadlineGroup {
  readonly #clock: Clock;
  readonly #grain: Duration;
  readonly #onExpired: (keys: readonly string[]) => void;
  readonly #deadlines = new Map<string, { at: number; bucket: number }>();
  readonly #buckets = new Map<number, Set<string>>();
  #timer: Timer | undefined;
  #timerBucket = Number.POSITIVE_INFINITY;

  /**
   * @param grain  a deadline fires at most this much late, and never early
   * @param onExpired  gets all keys that fell due together; they are forgotten before the call
   */
  constructor(clock: Clock, grain: Duration, onExpired: (keys: readonly string[]) => void) {
    this.#clock = clock;
    this.#grain = grain;
    this.#onExpired = onExpired;
  }

  /** Number of keys with a deadline. */
  get size(): number {
    return this.#deadlines.size;
  }

  has(key: string): boolean {
    return this.#deadlines.has(key);
  }

  /** Sets or moves the deadline of `key` to `span` from now. */
  set(key: string, span: Duration): void {
    const at = this.#clock.monotonic() + span;
    const bucket = Math.ceil(at / this.#grain);
    const known = this.#deadlines.get(key);
    if (known !== undefined && known.bucket <= bucket) {
      known.at = at;
      return;
    }
    this.delete(key);
    this.#place(key, at, bucket);
  }

  /** Moves the deadline of `key` to `span` from now if it is later than that; a key without one stays without. */
  shorten(key: string, span: Duration): void {
    const known = this.#deadlines.get(key);
    if (known !== undefined && known.at > this.#clock.monotonic() + span) this.set(key, span);
  }

  delete(key: string): void {
    const known = this.#deadlines.get(key);
    if (known === undefined) return;
    this.#deadlines.delete(key);
    this.#leaveBucket(key, known.bucket);
  }

  /** Forgets everything; nothing fires any more. */
  clear(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerBucket = Number.POSITIVE_INFINITY;
    this.#deadlines.clear();
    this.#buckets.clear();
  }

  #place(key: string, at: number, bucket: number): void {
    this.#deadlines.set(key, { at, bucket });
    const keys = this.#buckets.get(bucket);
    if (keys === undefined) this.#buckets.set(bucket, new Set([key]));
    else keys.add(key);
    if (bucket < this.#timerBucket) this.#arm(bucket);
  }

  #leaveBucket(key: string, bucket: number): void {
    const keys = this.#buckets.get(bucket);
    keys?.delete(key);
    if (keys?.size === 0) this.#buckets.delete(bucket);
  }

  #arm(bucket: number): void {
    this.#timer?.cancel();
    this.#timerBucket = bucket;
    const span = milliseconds(bucket * this.#grain - this.#clock.monotonic());
    this.#timer = this.#clock.timer(span, () => this.#fire());
  }

  #fire(): void {
    const now = this.#clock.monotonic();
    const expired: string[] = [];
    for (const [bucket, keys] of [...this.#buckets]) {
      if (bucket * this.#grain > now) continue;
      for (const key of [...keys]) {
        this.#leaveBucket(key, bucket);
        const at = this.#deadlines.get(key)?.at ?? now;
        if (at <= now) {
          this.#deadlines.delete(key);
          expired.push(key);
        } else {
          // Placed without arming: the earliest bucket is searched once, below.
          this.#timerBucket = Number.NEGATIVE_INFINITY;
          this.#place(key, at, Math.ceil(at / this.#grain));
        }
      }
    }
    this.#timer = undefined;
    this.#timerBucket = Number.POSITIVE_INFINITY;
    if (this.#buckets.size > 0) this.#arm(Math.min(...this.#buckets.keys()));
    if (expired.length > 0) this.#onExpired(expired);
  }
}
