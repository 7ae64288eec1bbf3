// What every route of a manager needs: a client, and when to stop waiting.
import type { CallOptions } from "@mswarm/rpc";
import { isSwarmError, seconds } from "@mswarm/runtime";
import { serverError } from "../errors/http-error.ts";
import type { ControlClient, FaceContext } from "../routing/face-context.ts";
import type { FaceAnswer, FaceRequest, Handler } from "../routing/route.ts";

/** Docker gives up on the cluster after this long. Source: moby daemon/cluster/cluster.go, swarmRequestTimeout. */
const patience = seconds(20);

export interface ManagerCall {
  readonly request: FaceRequest;
  readonly context: FaceContext;
  readonly control: ControlClient;
  /** Of each call that is made for this request. */
  readonly options: CallOptions;
}

/** A handler that only a manager can serve. Errors: 503 elsewhere, 500 when the cluster does not answer in time. */
export const onManager =
  (serve: (call: ManagerCall) => Promise<FaceAnswer>): Handler =>
  async (request, context) => {
    const control = await context.control();
    try {
      return await serve({ request, context, control, options: { signal: request.signal, timeout: patience } });
    } catch (error) {
      if (!isSwarmError(error, "DEADLINE_EXCEEDED")) throw error;
      throw serverError("rpc error: code = DeadlineExceeded desc = context deadline exceeded");
    }
  };
