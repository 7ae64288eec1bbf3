// A service of this process as its client sees it, without a connection: the same calls as on the control socket, forwarded
// to the leader in the same way, but what is answered here is not encoded.
import type { MethodDefinition } from "@grpc/proto-loader";
import {
  abortReason,
  after,
  type ChildAbort,
  type Clock,
  childAbort,
  type Duration,
  deadlineExceeded,
  type Logger,
  type SwarmError,
  unavailable,
  unimplemented,
  whenAborted,
} from "@mswarm/runtime";
import { type Handlers, type ServiceName, serviceOf } from "@mswarm/wire";
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

  async unary(definition: LocalMethod, request: object, options: CallOptions = {}): Promise<object> {
    const { path, requestSerialize, responseDeserialize } = definition;
    const { timeout = this.#parts.timeout, signal } = options;
    const lifetime = this.#lifetime(signal);
    const late = (): void => lifetime.abort(deadlineExceeded("context deadline exceeded"));
    const timer = timeout === undefined ? undefined : this.#parts.clock.timer(timeout, late);
    const run = async (): Promise<object> => {
      const call = this.#call(lifetime.signal, timeout);
      const method = this.#parts.find(path);
      const bytes = requestSerialize(request);
      let here: object | undefined;
      const answer = await this.#forwarding.unary(method, bytes, call, async () => {
        here = (await method.handle(method.decode(bytes), call)) as object;
        return nothing;
      });
      return here ?? responseDeserialize(answer);
    };
    const ended = whenAborted(lifetime.signal).then(() => Promise.reject(abortReason(lifetime.signal)));
    try {
      return await Promise.race([run(), ended]);
    } catch (error) {
      throw this.#failure(error, path, lifetime.signal);
    } finally {
      timer?.cancel();
      lifetime.release();
    }
  }

  async *stream(definition: LocalMethod, request: object, options: CallOptions = {}): AsyncGenerator<object> {
    const { path, requestSerialize, responseDeserialize } = definition;
    const lifetime = this.#lifetime(options.signal);
    try {
      const call = this.#call(lifetime.signal, options.timeout);
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
      throw this.#failure(error, path, lifetime.signal);
    } finally {
      lifetime.abort();
      lifetime.release();
    }
  }

  /** Of a call: that of the caller or of what answers, whichever ends first. */
  #lifetime(caller: AbortSignal | undefined): ChildAbort {
    const call = childAbort(caller ?? neverAborted);
    const service = this.#parts.lifetime?.();
    if (service === undefined) return call;
    const end = (): void => call.abort(unavailable("what answers this call has stopped"));
    if (service.aborted) end();
    else service.addEventListener("abort", end, { once: true });
    return {
      ...call,
      release: () => {
        service.removeEventListener("abort", end);
        call.release();
      },
    };
  }

  #call(signal: AbortSignal, timeout: Duration | undefined): IncomingCall {
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
    signal.addEventListener("abort", () => call.cancel(this.#parts.clock.now()), { once: true });
    if (signal.aborted) call.cancel(this.#parts.clock.now());
    return call;
  }

  #failure(error: unknown, path: string, signal: AbortSignal): Error | SwarmError {
    return signal.aborted ? abortReason(signal) : errorOfStatus(statusOfThrown(error, path, this.#parts.log));
  }
}

const neverAborted: AbortSignal = new AbortController().signal;
const nothing = Buffer.alloc(0);
const ignore = (): void => undefined;
