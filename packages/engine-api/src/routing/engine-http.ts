// The local engine, asked by the face itself.
import type { IncomingHttpHeaders } from "node:http";

export interface EngineRequest {
  readonly method: string;
  /** With version prefix and query, as it is sent. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

export interface EngineAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Name, value, name, value … as they came. */
  readonly rawHeaders: readonly string[];
  /** Has to be read or left: leaving the loop ends the request. */
  readonly body: AsyncIterable<Buffer>;
  /** The whole body; fails beyond 16 MiB. */
  bytes(): Promise<Buffer>;
  /** The whole body as JSON, integers beyond 2^53 as bigints. */
  json(): Promise<unknown>;
}

export interface EngineHttp {
  /** Errors: HttpError 503 when no engine answers. An answer of any status is an answer. */
  request(request: EngineRequest, signal: AbortSignal): Promise<EngineAnswer>;
}
