import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
} from "@grpc/grpc-js";
import type { MethodDefinition } from "@grpc/proto-loader";
import { type FieldCounter, type Handlers, requestFieldCounter, type ServiceName, serviceOf } from "@mswarm/wire";
import type { Call } from "./call.ts";
import type { LeaderForwarder } from "./leader-forwarder.ts";
import type { Policy, PolicyTable } from "./policy.ts";

/** Method names of a service, without the index signature that grpc-js adds. */
export type MethodName<H> = keyof { [K in keyof H as string extends K ? never : number extends K ? never : K]: H[K] };

/** The async form of one generated handler type. */
export type Handler<H> =
  H extends handleUnaryCall<infer Request, infer Response>
    ? (request: Request, call: Call) => Promise<Response>
    : H extends handleServerStreamingCall<infer Request, infer Response>
      ? (request: Request, call: Call) => AsyncIterable<Response>
      : H extends handleClientStreamingCall<infer Request, infer Response>
        ? (requests: AsyncIterable<Request>, call: Call) => Promise<Response>
        : H extends handleBidiStreamingCall<infer Request, infer Response>
          ? (requests: AsyncIterable<Request>, call: Call) => AsyncIterable<Response>
          : never;

/**
 * A service as async functions. Handlers fail with SwarmError; a stream that a handler returns is read with
 * back-pressure and `return()`ed when the call ends early.
 */
export type ServiceOf<H> = { readonly [K in MethodName<H>]: Handler<H[K]> };

export type MethodKind = "unary" | "server-stream" | "client-stream" | "bidi-stream";

/** One method, ready to be served. The untyped handler works on decoded messages. */
export interface BoundMethod {
  readonly path: string;
  readonly kind: MethodKind;
  readonly policy: Policy;
  readonly forward: LeaderForwarder | undefined;
  /** See `BindOptions`. */
  readonly anyManager: boolean;
  readonly decode: (bytes: Buffer) => object;
  /** How many fields a request has, without decoding it; undefined for more than `most`. */
  readonly fields: FieldCounter;
  readonly encode: (message: object) => Buffer;
  readonly handle: (request: unknown, call: Call) => unknown;
}

/** What `createRpcServer` takes; made by `bindService` only, so nothing is served without a policy. */
export interface BoundService {
  readonly name: ServiceName;
  readonly methods: readonly BoundMethod[];
}

export interface BindOptions {
  /** Where the service runs on the leader only: calls that arrive here meanwhile are forwarded to it. */
  readonly forward?: LeaderForwarder;
  /**
   * Every manager answers for itself. Only a call that was passed on, because this manager is taken for the leader, has to
   * find it here: with what a former leader knows it would fail, or be answered from the past.
   */
  readonly anyManager?: boolean;
}

type AnyMethod = MethodDefinition<object, object>;

function kindOf(method: AnyMethod): MethodKind {
  if (method.requestStream) return method.responseStream ? "bidi-stream" : "client-stream";
  return method.responseStream ? "server-stream" : "unary";
}

/**
 * Joins the implementation of a service with who may call it. The only way to expose one.
 */
export function bindService<N extends ServiceName>(
  name: N,
  handlers: ServiceOf<Handlers[N]>,
  policy: PolicyTable<Handlers[N]>,
  options: BindOptions = {},
): BoundService {
  const methods = Object.entries(serviceOf(name)).map(([method, definition]): BoundMethod => {
    const typed = definition as AnyMethod;
    const handler = Reflect.get(handlers, method) as (request: unknown, call: Call) => unknown;
    return {
      path: typed.path,
      kind: kindOf(typed),
      policy: Reflect.get(policy, method) as Policy,
      forward: options.forward,
      anyManager: options.anyManager ?? false,
      decode: typed.requestDeserialize,
      fields: requestFieldCounter(name, method),
      encode: typed.responseSerialize,
      handle: (request, call) => Reflect.apply(handler, handlers, [request, call]),
    };
  });
  return { name, methods };
}
