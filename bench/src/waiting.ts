import { milliseconds, systemClock } from "@mswarm/runtime";

export const clock = systemClock();

/** Waits for a condition, looking every 5 ms; fails after `within` ms. */
export async function until(what: string, within: number, condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + within;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${within} ms: ${what}`);
    await clock.sleep(milliseconds(5));
  }
}
