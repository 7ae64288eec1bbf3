// A service of this process as its client sees it, without a connection: the same calls as on the control socket, forwarded
// to the leader in the same way, but what is answered here is not encoded.
import type { MethodDefinition } from "@grpc/proto-loader";
import { after, type Clock, type Duration, type Logger, type SwarmError, unimplemented } from "@mswarm/runtime";
import { type Handlers, type ServiceName, serviceOf } from "@mswarm/wire";
import { CallBounds } from "./call-bounds.ts";
import type { CallOptions, ClientOf } from "./client.ts";
import { Forwarding } from "./forwarding.ts";
import { IncomingCall } from "./incoming-call.ts";
import type { BoundMethod } from "./service.ts";
import { errorOfStatus, statusOfThrown } from "./status.ts";

export interface LocalClientParts {
  /** The method to call, by its path; asked for at each call. May throw a SwarmError. */
  readonly find: (path: string) => BoundMethod;
  readonly clock: Clock;
  readonly log: Logger;
  /** For unary calls that name no timeout; none where absent. */
  readonly timeout?: Duration;
  /** The lifetime of what answers, asked for at each call: calls end with it. */
  readonly lifetime?: () => AbortSignal | undefined;
}

type LocalMethod = MethodDefinition<object, object>;

/**
 * Calls are made for this machine itself, as those of the control socket. What was answered here may be an object of the
 * store: it must not be changed. Every failure is a SwarmError, as of any client; a stream ends with its signal.
 * Methods with request streams fail with UNIMPLEMENTED.
 */
export function localClient<N extends ServiceName>(name: N, parts: LocalClientParts): ClientOf<Handlers[N]> {
  const caller = new LocalCaller(parts);
  const methods = Object.entries(serviceOf(name)).map(([method, definition]) => {
    const typed = definition as LocalMethod;
    if (typed.requestStream) {
      return [method, () => Promise.reject(unimplemented(`${method} cannot be called without a connection`))];
    }
    return [
      method,
      typed.responseStream
        ? (request: object, options?: CallOptions) => caller.stream(typed, request, options)
        : (request: object, options?: CallOptions) => caller.unary(typed, request, options),
    ];
  });
  // It has exactly the methods of the service: they are made from its definition.
  return Object.fromEntries(methods) as ClientOf<Handlers[N]>;
}

class LocalCaller {
  readonly #parts: LocalClientParts;
  readonly #forwarding: Forwarding;

  constructor(parts: LocalClientParts) {
    this.#parts = parts;
    this.#forwarding = new Forwarding(parts.clock);
  }

  unary(definition: LocalMethod, request: object, options: CallOptions = {}): Promise<object> {
    const timeout = options.timeout ?? this.#parts.timeout;
    return new Promise((resolve, reject) => {
      const call = this.#call(timeout);
      const bounds = this.#bounds(call, options.signal, reject);
      if (bounds.reason !== undefined) return;
      if (timeout !== undefined) bounds.limit(timeout);
      this.#answer(definition, request, call)
        .then(resolve, (error: unknown) => reject(bounds.reason ?? this.#failure(error, definition.path)))
        .finally(() => bounds.release());
    });
  }

  async #answer(definition: LocalMethod, request: object, call: IncomingCall): Promise<object> {
    const { path, requestSerialize, responseDeserialize } = definition;
    const method = this.#parts.find(path);
    const encoded = (): Buffer => requestSerialize(request);
    let here: object | undefined;
    const answer = await this.#forwarding.unary(method, encoded, call, async () => {
      here = (await method.handle(isFlat(request) ? request : method.decode(encoded()), call)) as object;
      return nothing;
    });
    return here ?? responseDeserialize(answer);
  }

  async *stream(definition: LocalMethod, request: object, options: CallOptions = {}): AsyncGenerator<object> {
    const { path, requestSerialize, responseDeserialize } = definition;
    const call = this.#call(options.timeout);
    const bounds = this.#bounds(call, options.signal, ignore);
    try {
      const method = this.#parts.find(path);
      const bytes = requestSerialize(request);
      const channel = await this.#forwarding.destination(method, call);
      if (channel === undefined) yield* method.handle(method.decode(bytes), call) as AsyncIterable<object>;
      else {
        for await (const answer of this.#forwarding.responseStream(channel, method, bytes, call)) {
          yield responseDeserialize(answer);
        }
      }
    } catch (error) {
      throw bounds.reason ?? this.#failure(error, path);
    } finally {
      bounds.release();
      call.cancel(this.#parts.clock.now());
    }
  }

  #bounds(call: IncomingCall, caller: AbortSignal | undefined, ended: (reason: Error) => void): CallBounds {
    const { clock, lifetime } = this.#parts;
    return new CallBounds({
      clock,
      caller,
      service: lifetime?.(),
      ended: (reason) => {
        call.cancel(clock.now());
        ended(reason);
      },
    });
  }

  #call(timeout: Duration | undefined): IncomingCall {
    const call = new IncomingCall({
      caller: { identity: undefined, remoteAddress: "", forwarder: undefined, isLocal: true },
      user: undefined,
      deadline: timeout === undefined ? undefined : after(this.#parts.clock.now(), timeout),
      redirects: [],
      pay: undefined,
      end: ignore,
      release: ignore,
    });
    call.begin();
    return call;
  }

  #failure(error: unknown, path: string): SwarmError {
    return errorOfStatus(statusOfThrown(error, path, this.#parts.log));
  }
}

/**
 * True for a request that names something and no more: handlers read it as they read what is decoded. Others are encoded and
 * decoded as on any way to a manager, so that the store gets objects that are nobody else's and hold no zero values.
 */
const isFlat = (request: object): boolean => Object.values(request).every((value) => typeof value !== "object");

const nothing = Buffer.alloc(0);
const ignore = (): void => undefined;
