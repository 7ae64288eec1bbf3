/** Measured values by what they are called; the name ends with the unit. */
export type Figures = Map<string, number>;

/** Milliseconds of single operations, and how long all of them took together. */
export interface Sample {
  readonly latencies: readonly number[];
  /** Milliseconds from the first call to the last answer. */
  readonly total: number;
}

/** The smallest value that at least `fraction` of the values do not exceed. */
export function percentile(values: readonly number[], fraction: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * fraction) - 1)] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => percentile(values, 0.5);

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Operations per second. */
export const rateOf = ({ latencies, total }: Sample): number => (latencies.length * 1_000) / total;

/** The median of each figure over several rounds. */
export function mediansOf(rounds: readonly Figures[]): Figures {
  const names = new Set(rounds.flatMap((round) => [...round.keys()]));
  return new Map([...names].map((name) => [name, median(rounds.flatMap((round) => round.get(name) ?? []))]));
}

/** Runs `operation` `count` times with at most `callers` at once. */
export async function measure(
  count: number,
  callers: number,
  operation: (index: number) => Promise<unknown>,
): Promise<Sample> {
  const latencies: number[] = [];
  let next = 0;
  const started = performance.now();
  const caller = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) {
      const begun = performance.now();
      await operation(index);
      latencies.push(performance.now() - begun);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return { latencies, total: performance.now() - started };
}
