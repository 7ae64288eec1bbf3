// Between the callbacks of grpc-js and our async handlers. Messages stay bytes until it is known where the call runs.
import type {
  ServerDuplexStream,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
  sendUnaryData,
  UntypedHandleCall,
} from "@grpc/grpc-js";
import { internal, invariant, type Logger, resourceExhausted } from "@mswarm/runtime";
import type { AdmittedCalls } from "./call-gate.ts";
import type { Forwarding } from "./forwarding.ts";
import type { IncomingCall } from "./incoming-call.ts";
import type { BoundMethod } from "./service.ts";
import { statusOfThrown, type WireStatus } from "./status.ts";
import { consume, mapped, writeTo } from "./streams.ts";

export interface HandlerParts {
  readonly admitted: AdmittedCalls;
  readonly forwarding: Forwarding;
  readonly log: Logger;
}

type Bytes = Buffer;
type ServerStreamCall =
  | ServerReadableStream<Bytes, Bytes>
  | ServerWritableStream<Bytes, Bytes>
  | ServerDuplexStream<Bytes, Bytes>;

/**
 * Most fields of one message of a node that is no manager: thousands of reports or lines. Their number, not their bytes, is
 * what reading a message costs.
 */
const fieldsMax = 50_000;
/** Bytes below which nobody counts. */
const smallMessage = 256;

/** @param isCounted  its fields count as calls: not what follows in a stream, which is read no faster than it is used */
function decodeRequest(method: BoundMethod, bytes: Bytes, { pay }: IncomingCall, isCounted: boolean): object {
  if (pay !== undefined && bytes.length > smallMessage) {
    const fields = method.fields(bytes, fieldsMax);
    if (fields === undefined) {
      throw resourceExhausted(
        `a message that is damaged, or has more than ${fieldsMax} fields, is not read: send it in parts`,
      );
    }
    if (isCounted && !pay(fields)) {
      throw resourceExhausted("too many large messages of one node in a short time: wait before the next one");
    }
  }
  try {
    return method.decode(bytes);
  } catch (cause) {
    throw internal("grpc: error unmarshalling request", { cause });
  }
}

async function* requestsOf(
  stream: ServerReadableStream<Bytes, Bytes> | ServerDuplexStream<Bytes, Bytes>,
  call: IncomingCall,
): AsyncGenerator<Bytes> {
  try {
    // The stream outlives a handler that reads no further: its answer still has to go out.
    for await (const bytes of stream.iterator({ destroyOnReturn: false })) yield bytes as Bytes;
  } catch (error) {
    throw call.cancelled ?? error;
  }
  if (call.cancelled !== undefined) throw call.cancelled;
}

async function runUnary(method: BoundMethod, request: Bytes, call: IncomingCall, parts: HandlerParts): Promise<Bytes> {
  const answerHere = async (): Promise<Bytes> =>
    method.encode((await method.handle(decodeRequest(method, request, call, true), call)) as object);
  return method.forward === undefined ? answerHere() : parts.forwarding.unary(method, () => request, call, answerHere);
}

function decodedStream(method: BoundMethod, requests: AsyncIterable<Bytes>, call: IncomingCall): AsyncIterable<object> {
  let isFirst = true;
  return mapped(requests, (bytes) => {
    const isCounted = isFirst;
    isFirst = false;
    return decodeRequest(method, bytes, call, isCounted);
  });
}

async function runClientStream(
  method: BoundMethod,
  requests: AsyncIterable<Bytes>,
  call: IncomingCall,
  parts: HandlerParts,
): Promise<Bytes> {
  const channel = await parts.forwarding.destination(method, call);
  if (channel !== undefined) return parts.forwarding.clientStream(channel, method, requests, call);
  const decoded = decodedStream(method, requests, call);
  return method.encode((await method.handle(decoded, call)) as object);
}

async function runResponseStream(
  method: BoundMethod,
  request: Bytes | AsyncIterable<Bytes>,
  call: IncomingCall,
  parts: HandlerParts,
): Promise<AsyncIterable<Bytes>> {
  const channel = await parts.forwarding.destination(method, call);
  if (channel !== undefined) return parts.forwarding.responseStream(channel, method, request, call);
  const decoded = Buffer.isBuffer(request)
    ? decodeRequest(method, request, call, true)
    : decodedStream(method, request, call);
  const responses = method.handle(decoded, call) as AsyncIterable<object>;
  return encoded(responses, method.encode);
}

/** Like `mapped`, but a `return` reaches the source at once instead of waiting for the item it owes. */
function encoded(source: AsyncIterable<object>, encode: (message: object) => Buffer): AsyncIterable<Bytes> {
  return {
    [Symbol.asyncIterator]: () => {
      const iterator = source[Symbol.asyncIterator]();
      return {
        next: async () => {
          const result = await iterator.next();
          return result.done ? { done: true, value: undefined } : { done: false, value: encode(result.value) };
        },
        return: async () => {
          await iterator.return?.();
          return { done: true, value: undefined };
        },
      };
    },
  };
}

/** The function that grpc-js calls for `method`. Fails closed: a call that passed no gate is never handled. */
export function grpcHandler(method: BoundMethod, parts: HandlerParts): UntypedHandleCall {
  const admittedCall = (incoming: ServerUnaryCall<Bytes, Bytes> | ServerStreamCall): IncomingCall => {
    const call = parts.admitted.of(incoming.metadata);
    invariant(call !== undefined, "a call reached its handler without passing the gate", { method: method.path });
    call.begin("destroy" in incoming ? incoming : undefined);
    return call;
  };
  const failure = (error: unknown): WireStatus => statusOfThrown(error, method.path, parts.log);
  const answer = (run: Promise<Bytes>, call: IncomingCall, respond: sendUnaryData<Bytes>): void => {
    run
      .then(
        (bytes) => respond(null, bytes),
        (error: unknown) => respond(failure(error)),
      )
      .finally(() => call.settle());
  };

  const stream = (
    responses: Promise<AsyncIterable<Bytes>>,
    call: IncomingCall,
    out: ServerWritableStream<Bytes, Bytes> | ServerDuplexStream<Bytes, Bytes>,
  ): void => {
    responses
      .then((source) => consume(source, (bytes) => writeTo(out, bytes), call.signal))
      .then(
        () => out.end(),
        (error: unknown) => {
          const status = failure(error);
          if (call.cancelled === undefined) out.emit("error", status);
        },
      )
      .finally(() => call.settle());
  };

  switch (method.kind) {
    case "unary":
      return (incoming: ServerUnaryCall<Bytes, Bytes>, respond: sendUnaryData<Bytes>) => {
        const call = admittedCall(incoming);
        answer(runUnary(method, incoming.request, call, parts), call, respond);
      };
    case "client-stream":
      return (incoming: ServerReadableStream<Bytes, Bytes>, respond: sendUnaryData<Bytes>) => {
        const call = admittedCall(incoming);
        answer(runClientStream(method, requestsOf(incoming, call), call, parts), call, respond);
      };
    case "server-stream":
      return (incoming: ServerWritableStream<Bytes, Bytes>) => {
        const call = admittedCall(incoming);
        stream(runResponseStream(method, incoming.request, call, parts), call, incoming);
      };
    case "bidi-stream":
      return (incoming: ServerDuplexStream<Bytes, Bytes>) => {
        const call = admittedCall(incoming);
        stream(runResponseStream(method, requestsOf(incoming, call), call, parts), call, incoming);
      };
  }
}
