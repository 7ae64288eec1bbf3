import type { Client } from "@grpc/grpc-js";
import type { MethodDefinition } from "@grpc/proto-loader";
import type { Duration, Instant } from "@mswarm/runtime";
import { type Handlers, type ServiceName, serviceOf } from "@mswarm/wire";
import type { CallOptions, ClientOf } from "./client.ts";
import {
  bidiStreamCall,
  type ClientMethodCodec,
  clientStreamCall,
  type OutgoingOptions,
  serverStreamCall,
  unaryCall,
} from "./grpc-calls.ts";

type WireMethod = MethodDefinition<object, object>;

/**
 * The async client of a service. `client` gives the connection for each call, so that one replaced meanwhile is used.
 */
export function typedClient<N extends ServiceName>(
  name: N,
  client: () => Client,
  deadline: (timeout: Duration | undefined) => Instant | undefined,
): ClientOf<Handlers[N]> {
  const outgoing = ({ signal, timeout, metadata }: CallOptions = {}): OutgoingOptions => ({
    signal,
    metadata,
    deadline: deadline(timeout),
  });
  const methods = Object.entries(serviceOf(name)).map(([method, definition]) => {
    const { path, requestSerialize, responseDeserialize, requestStream, responseStream } = definition as WireMethod;
    const codec: ClientMethodCodec<object, object> = { path, encode: requestSerialize, decode: responseDeserialize };
    const call = requestStream
      ? responseStream
        ? (requests: AsyncIterable<object>, options?: CallOptions) =>
            bidiStreamCall(client, codec, requests, outgoing(options))
        : async (requests: AsyncIterable<object>, options?: CallOptions) =>
            clientStreamCall(client(), codec, requests, outgoing(options))
      : responseStream
        ? (request: object, options?: CallOptions) => serverStreamCall(client, codec, request, outgoing(options))
        : async (request: object, options?: CallOptions) => unaryCall(client(), codec, request, outgoing(options));
    return [method, call];
  });
  return Object.fromEntries(methods) as ClientOf<Handlers[N]>;
}
