import {
  after,
  between,
  type Duration,
  type Instant,
  milliseconds,
  minutes,
  type Random,
  seconds,
} from "@mswarm/runtime";

/** The dates of a certificate. */
export interface Validity {
  readonly notBefore: Instant;
  readonly notAfter: Instant;
}

/**
 * Renewal time for a certificate: a random whole minute between 50 % and 80 % of its life.
 * One that is past that moment, or has expired, is due at once.
 *
 * @returns delay from `now`, never negative
 * Source: swarmkit ca/certificates.go, calculateRandomExpiry.
 */
export function renewalDelay(validity: Validity, now: Instant, random: Random): Duration {
  const lifeMinutes = between(validity.notBefore, validity.notAfter) / minutes(1);
  const earliest = Math.floor(lifeMinutes * 0.5);
  const spread = Math.max(1, Math.floor(lifeMinutes * 0.8) - earliest);
  const due = after(validity.notBefore, minutes(earliest + random.below(spread)));
  return milliseconds(Math.max(0, between(now, due)));
}

/**
 * Delay before the next request after `failures` failed ones: random below 5 s + 5 s · 2^(failures - 1), at most one hour.
 *
 * @param failures  0: no delay
 * Source: swarmkit ca/renewer.go, and docker/go-events ExponentialBackoff.
 */
export function renewalBackoff(failures: number, random: Random): Duration {
  if (failures <= 0) return milliseconds(0);
  const bound = Math.min(minutes(60), seconds(5) + seconds(5) * 2 ** (failures - 1));
  return milliseconds(random.fraction() * bound);
}
