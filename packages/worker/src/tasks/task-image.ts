import type { Engine } from "@mswarm/engine";
import { isSwarmError, type Logger, messageOf, throwIfAborted } from "@mswarm/runtime";

export interface TaskImageParts {
  readonly engine: Pick<Engine, "hasImage" | "pullImage">;
  readonly log: Logger;
}

/**
 * Fetches the image unless it is there; a registry is not needed then. Returns why it could not be fetched, undefined
 * when nothing went wrong. The caller tries to go on in both cases: only the engine knows whether the image is enough.
 *
 * Differs: Docker pulls even when the image is there (engine-api reference 16); a lab without a registry should not wait
 * for one.
 */
export async function fetchImage(
  reference: string,
  credentials: string | undefined,
  { engine, log }: TaskImageParts,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (await engine.hasImage(reference, signal)) return undefined;
  try {
    await engine.pullImage(reference, credentials, signal);
    return undefined;
  } catch (error) {
    throwIfAborted(signal);
    if (isSwarmError(error, "UNAVAILABLE")) throw error;
    log.warn({ image: reference, error: messageOf(error) }, "pulling image failed");
    return messageOf(error);
  }
}
