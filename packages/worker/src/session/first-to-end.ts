import { type ChildAbort, childAbort } from "@mswarm/runtime";

/**
 * Runs several endless activities as one: the first that ends, well or badly, ends the others, and its failure is the
 * failure of the whole. Waits until all have ended.
 */
export async function firstToEnd(
  activities: readonly ((signal: AbortSignal) => Promise<void>)[],
  signal: AbortSignal,
): Promise<void> {
  const abort: ChildAbort = childAbort(signal);
  let first: { readonly error: unknown } | "ended" | undefined;
  const run = async (activity: (signal: AbortSignal) => Promise<void>): Promise<void> => {
    try {
      await activity(abort.signal);
      first ??= "ended";
    } catch (error) {
      first ??= { error };
    } finally {
      abort.abort();
    }
  };
  await Promise.all(activities.map(run));
  abort.release();
  if (typeof first === "object") throw first.error;
}
