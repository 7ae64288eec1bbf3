// The four kinds of calls over grpc-js, as promises and async iterables.

import type { Readable, Writable } from "node:stream";
import { type CallOptions, type Client, type Metadata, type ServiceError, status as statusCodes } from "@grpc/grpc-js";
import { abortReason, type Instant, SwarmError, unavailable } from "@mswarm/runtime";
import type { CallMetadata } from "./client.ts";
import { metadataOf } from "./metadata.ts";
import { errorOfStatus } from "./status.ts";
import { consume, writeTo } from "./streams.ts";

/** A method as its client needs it. */
export interface ClientMethodCodec<Q, A> {
  readonly path: string;
  readonly encode: (request: Q) => Buffer;
  readonly decode: (bytes: Buffer) => A;
}

export interface OutgoingOptions {
  readonly signal?: AbortSignal | undefined;
  readonly deadline?: Instant | undefined;
  readonly metadata?: CallMetadata | undefined;
}

/** What all call objects of grpc-js have. */
interface Cancellable {
  cancel(): void;
}

function grpcOptions(options: OutgoingOptions): CallOptions {
  return options.deadline === undefined ? {} : { deadline: options.deadline };
}

/** A trailer of the peer carries at least its content type; what grpc-js makes up itself carries nothing. */
function cameFromPeer(metadata: Metadata | undefined): boolean {
  return metadata !== undefined && Object.keys(metadata.getMap()).length > 0;
}

/**
 * The failure of a call. One that the transport made up, because there is no connection or it broke, is worded as
 * SwarmKit's forwarders expect it ("connection error", wire reference 1.4).
 */
function failureOf(error: unknown, answered: boolean, signal: AbortSignal | undefined): Error {
  if (signal?.aborted) return abortReason(signal);
  const failure = errorOfStatus(error);
  const { code, metadata } = error as Partial<ServiceError>;
  if (code !== statusCodes.UNAVAILABLE || answered || cameFromPeer(metadata)) return failure;
  const broken = unavailable(`connection error: ${failure.message}`);
  if (unsent.test(failure.message)) neverSent.add(broken);
  return broken;
}

/** The words of grpc-js for a call that found no connection; the contract test says so when they change. */
const unsent = /^(No connection established|Channel closed before call started)/;
const neverSent = new WeakSet<SwarmError>();

/** True when not a byte of the call has left this process: its server cannot have begun it. Nothing a peer sends is taken for that. */
export const wasNeverSent = (error: SwarmError): boolean => neverSent.has(error);

/** The failure of a call on a channel that was closed before. */
export function closedChannel(): SwarmError {
  const error = unavailable("connection error: the channel is closed");
  neverSent.add(error);
  return error;
}

function cancelOnAbort(call: Cancellable, signal: AbortSignal | undefined): () => void {
  if (signal === undefined) return () => undefined;
  const cancel = (): void => call.cancel();
  if (signal.aborted) cancel();
  else signal.addEventListener("abort", cancel, { once: true });
  return () => signal.removeEventListener("abort", cancel);
}

const ignore = (): void => undefined;

export function unaryCall<Q, A>(
  client: Client,
  method: ClientMethodCodec<Q, A>,
  request: Q,
  options: OutgoingOptions,
): Promise<A> {
  const { signal } = options;
  if (signal?.aborted) return Promise.reject(abortReason(signal));
  return new Promise((resolve, reject) => {
    let answered = false;
    const call = client.makeUnaryRequest(
      method.path,
      method.encode,
      method.decode,
      request,
      metadataOf(options.metadata),
      grpcOptions(options),
      (error, response) => {
        release();
        if (error !== null) reject(failureOf(error, answered, signal));
        else if (response === undefined) reject(new SwarmError("INTERNAL", "the server sent no response"));
        else resolve(response);
      },
    );
    call.once("metadata", () => {
      answered = true;
    });
    const release = cancelOnAbort(call, signal);
  });
}

export function clientStreamCall<Q, A>(
  client: Client,
  method: ClientMethodCodec<Q, A>,
  requests: AsyncIterable<Q>,
  options: OutgoingOptions,
): Promise<A> {
  const { signal } = options;
  if (signal?.aborted) return Promise.reject(abortReason(signal));
  return new Promise((resolve, reject) => {
    let answered = false;
    // Ends the reading of `requests` with the call.
    const ended = new AbortController();
    const call = client.makeClientStreamRequest(
      method.path,
      method.encode,
      method.decode,
      metadataOf(options.metadata),
      grpcOptions(options),
      (error, response) => {
        release();
        ended.abort(new SwarmError("CANCELLED", "the call has ended"));
        if (error !== null) reject(failureOf(error, answered, signal));
        else if (response === undefined) reject(new SwarmError("INTERNAL", "the server sent no response"));
        else resolve(response);
      },
    );
    call.on("error", ignore);
    call.once("metadata", () => {
      answered = true;
    });
    const release = cancelOnAbort(call, signal);
    send(requests, call, ended.signal, reject);
  });
}

/** Writes the requests; a source that fails cancels the call and is what the caller hears of. */
function send<Q>(
  requests: AsyncIterable<Q>,
  call: Writable & Cancellable,
  ended: AbortSignal,
  onFailure: (error: unknown) => void,
): void {
  consume(requests, (request) => writeTo(call, request), ended).then(
    () => call.end(),
    (error: unknown) => {
      if (ended.aborted) return;
      onFailure(error);
      call.cancel();
    },
  );
}

/** The responses of a stream call, which starts when they are first asked for. */
function responses<A>(open: () => Readable & Cancellable, signal: AbortSignal | undefined): AsyncIterable<A> {
  return { [Symbol.asyncIterator]: () => responseIterator(open, signal) };
}

function responseIterator<A>(open: () => Readable & Cancellable, signal: AbortSignal | undefined): AsyncIterator<A> {
  let call: (Readable & Cancellable) | undefined;
  let source: AsyncIterator<A> | undefined;
  let release = ignore;
  let answered = false;
  let left = false;

  const start = (): AsyncIterator<A> => {
    call = open();
    call.on("error", ignore);
    call.once("metadata", () => {
      answered = true;
    });
    release = cancelOnAbort(call, signal);
    return call[Symbol.asyncIterator]();
  };
  return {
    async next() {
      if (left) return { done: true, value: undefined };
      if (signal?.aborted) throw abortReason(signal);
      source ??= start();
      try {
        const result = await source.next();
        if (result.done) release();
        return result;
      } catch (error) {
        release();
        if (left) return { done: true, value: undefined };
        throw failureOf(error, answered, signal);
      }
    },
    async return() {
      left = true;
      release();
      call?.cancel();
      return { done: true, value: undefined };
    },
  };
}

export function serverStreamCall<Q, A>(
  client: () => Client,
  method: ClientMethodCodec<Q, A>,
  request: Q,
  options: OutgoingOptions,
): AsyncIterable<A> {
  const open = (): Readable & Cancellable =>
    client().makeServerStreamRequest(
      method.path,
      method.encode,
      method.decode,
      request,
      metadataOf(options.metadata),
      grpcOptions(options),
    );
  return responses(open, options.signal);
}

export function bidiStreamCall<Q, A>(
  client: () => Client,
  method: ClientMethodCodec<Q, A>,
  requests: AsyncIterable<Q>,
  options: OutgoingOptions,
): AsyncIterable<A> {
  const open = (): Readable & Cancellable => {
    const ended = new AbortController();
    const call = client().makeBidiStreamRequest(
      method.path,
      method.encode,
      method.decode,
      metadataOf(options.metadata),
      grpcOptions(options),
    );
    call.once("status", () => ended.abort(new SwarmError("CANCELLED", "the call has ended")));
    send(requests, call, ended.signal, (error) => call.destroy(error instanceof Error ? error : undefined));
    return call;
  };
  return responses(open, options.signal);
}
