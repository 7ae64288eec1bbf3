import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
} from "@grpc/grpc-js";
import type { MethodDefinition } from "@grpc/proto-loader";
import type { Duration } from "@mswarm/runtime";
import type * as wire from "@mswarm/wire";
import type { Handlers, mswarm, ServiceName } from "@mswarm/wire";
import type { MethodName } from "./service.ts";

/** Extra headers of a call; an empty value is sent as such, several values as a repeated header. */
export type CallMetadata = Readonly<Record<string, string | readonly string[]>>;

export interface CallOptions {
  /** Cancels the call; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Deadline from now; none where absent. */
  readonly timeout?: Duration;
  readonly metadata?: CallMetadata;
}

interface Definitions {
  "docker.swarmkit.v1.CA": wire.CADefinition;
  "docker.swarmkit.v1.NodeCA": wire.NodeCADefinition;
  "docker.swarmkit.v1.Raft": wire.RaftDefinition;
  "docker.swarmkit.v1.RaftMembership": wire.RaftMembershipDefinition;
  "docker.swarmkit.v1.Dispatcher": wire.DispatcherDefinition;
  "docker.swarmkit.v1.Health": wire.HealthDefinition;
  "docker.swarmkit.v1.ResourceAllocator": wire.ResourceAllocatorDefinition;
  "docker.swarmkit.v1.Logs": wire.LogsDefinition;
  "docker.swarmkit.v1.LogBroker": wire.LogBrokerDefinition;
  "docker.swarmkit.v1.Watch": wire.WatchDefinition;
  "docker.swarmkit.v1.Control": wire.ControlDefinition;
  "mswarm.v1.Daemon": mswarm.DaemonDefinition;
  "mswarm.v1.Operations": mswarm.OperationsDefinition;
  "mswarm.v1.Peer": mswarm.PeerDefinition;
  "mswarm.v1.RaftTransport": mswarm.RaftTransportDefinition;
}

/** The definition that belongs to a generated handler type; two services never have the same methods. */
type DefinitionOf<H> = {
  [N in ServiceName]: Handlers[N] extends H ? (H extends Handlers[N] ? Definitions[N] : never) : never;
}[ServiceName];

type RequestOf<D> = D extends MethodDefinition<infer Request, infer _A, infer _B, infer _C> ? Request : never;
type ResponseOf<D> = D extends MethodDefinition<infer _A, infer _B, infer _C, infer Response> ? Response : never;

type ClientMethod<H, D> =
  H extends handleUnaryCall<infer _A, infer _B>
    ? (request: RequestOf<D>, options?: CallOptions) => Promise<ResponseOf<D>>
    : H extends handleServerStreamingCall<infer _A, infer _B>
      ? (request: RequestOf<D>, options?: CallOptions) => AsyncIterable<ResponseOf<D>>
      : H extends handleClientStreamingCall<infer _A, infer _B>
        ? (requests: AsyncIterable<RequestOf<D>>, options?: CallOptions) => Promise<ResponseOf<D>>
        : H extends handleBidiStreamingCall<infer _A, infer _B>
          ? (requests: AsyncIterable<RequestOf<D>>, options?: CallOptions) => AsyncIterable<ResponseOf<D>>
          : never;

/**
 * A service as its client sees it, by its generated handler type. Every failure is a SwarmError with the peer's code
 * and text. A server stream is read with back-pressure; leaving its loop cancels the call.
 */
export type ClientOf<H> = {
  readonly [K in MethodName<H>]: ClientMethod<H[K], K extends keyof DefinitionOf<H> ? DefinitionOf<H>[K] : never>;
};
