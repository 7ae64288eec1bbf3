// What clients are told of a failure: `{"message": "..."}` and a status. Source: engine-api reference 2.
import { isSwarmError, type Logger } from "@mswarm/runtime";
import { answerJson, type FaceAnswer } from "../routing/route.ts";
import { grpcError, HttpError } from "./http-error.ts";

/** An HttpError as it is, a SwarmError as the gRPC error it comes from; anything else is a defect: logged, 500. */
export function errorAnswer(error: unknown, log: Logger): FaceAnswer {
  const known = isSwarmError(error) ? grpcError(error) : error;
  if (known instanceof HttpError) return answerJson({ message: known.message || "unknown failure" }, known.status);
  log.error({ err: error }, "a request of the Engine API failed by a defect");
  return answerJson({ message: "this request failed by a defect of mswarm; the daemon's log says more" }, 500);
}
