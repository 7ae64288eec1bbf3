export type {
  ControlClient,
  DaemonClient,
  FaceContext,
  LogsClient,
  NodeState,
  WatchClient,
} from "./routing/face-context.ts";
