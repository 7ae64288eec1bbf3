export { HttpError, serviceUnavailable } from "./errors/http-error.ts";
export { SwarmEvents, type SwarmEventsParts } from "./events/swarm-events.ts";
export { faceRoutes } from "./face-routes.ts";
export type {
  ControlClient,
  DaemonClient,
  FaceContext,
  LogsClient,
  NodeState,
  WatchClient,
} from "./routing/face-context.ts";
export { EngineApiServer, type EngineApiServerParts } from "./server/engine-api-server.ts";
