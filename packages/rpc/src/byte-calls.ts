import type { Instant } from "@mswarm/runtime";
import type { CallMetadata } from "./client.ts";

export interface ByteCallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly deadline?: Instant | undefined;
  readonly metadata?: CallMetadata | undefined;
}

/** The four kinds of calls on encoded messages. Failures are SwarmErrors. */
export interface ByteCalls {
  unary(path: string, request: Buffer, options: ByteCallOptions): Promise<Buffer>;
  serverStream(path: string, request: Buffer, options: ByteCallOptions): AsyncIterable<Buffer>;
  clientStream(path: string, requests: AsyncIterable<Buffer>, options: ByteCallOptions): Promise<Buffer>;
  bidiStream(path: string, requests: AsyncIterable<Buffer>, options: ByteCallOptions): AsyncIterable<Buffer>;
}
