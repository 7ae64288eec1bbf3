import { seconds, type TokenBucketOptions } from "@mswarm/runtime";

/** Enough for a cluster of a thousand nodes that starts at once and tries for ten seconds, as Docker's nodes do. */
export const joinRate: TokenBucketOptions = { capacity: 500, interval: seconds(0.02) };

/** A node renews once in weeks; one that changes its role or follows a root rotation a few times in a row. */
export const renewalRate: TokenBucketOptions = { capacity: 10, interval: seconds(2) };
