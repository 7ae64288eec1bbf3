import { type Clock, childAbort, type Duration, seconds } from "@mswarm/runtime";
import { HttpError } from "../errors/http-error.ts";
import type { EngineAnswer, EngineHttp, EngineRequest } from "../routing/engine-http.ts";

/** An engine that is well answers such questions in milliseconds. */
const patience: Duration = seconds(3);

/**
 * A question whose answer others wait for: an engine that hangs must not make the swarm's part hang.
 * Errors: HttpError 503 when the head of the answer is not there within 3 seconds; those of the engine.
 */
export async function askInTime(
  { engine, clock }: { readonly engine: EngineHttp; readonly clock: Clock },
  request: EngineRequest,
  signal: AbortSignal,
): Promise<EngineAnswer> {
  const bound = childAbort(signal);
  const late = new HttpError(503, `the Docker Engine has not answered within ${patience / 1_000} seconds`);
  const timer = clock.timer(patience, () => bound.abort(late));
  try {
    return await engine.request(request, bound.signal);
  } finally {
    timer.cancel();
    bound.release();
  }
}
