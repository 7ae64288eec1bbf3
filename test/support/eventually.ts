import { type Duration, seconds } from "@mswarm/runtime";
import { vi } from "vitest";

/** Generous, because CI machines are slow and shared; what is awaited normally takes a fraction of it. No test's limit is shorter. */
export const patience: Duration = seconds(90);

/** A call over a socket on this machine that takes longer has hung. */
export const callLimit: Duration = seconds(20);

/**
 * Looks again and again until `look` resolves, and gives its result; fails with what `look` failed with last. Assertions
 * inside `look` thus become conditions with a bound.
 */
export async function eventually<R>(look: () => R | Promise<R>, within: Duration = patience): Promise<R> {
  return await vi.waitFor(look, { timeout: within, interval: 100 });
}
