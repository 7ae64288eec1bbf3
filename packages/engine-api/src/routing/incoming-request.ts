// The request of Node's server in the form that handlers see.
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { HttpError } from "../errors/http-error.ts";
import { type RequestTarget, readQuery } from "./request-target.ts";
import type { FaceRequest, Method } from "./route.ts";
import { parseJson } from "./strict-json.ts";

const defaultLimit = 8 * 1024 * 1024;

export interface IncomingRequestParts {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  readonly target: RequestTarget;
  readonly parameters: Readonly<Record<string, string>>;
  readonly minor: number;
  readonly newest: number;
  readonly signal: AbortSignal;
}

export class IncomingRequest implements FaceRequest {
  readonly method: Method;
  readonly target: string;
  readonly path: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly minor: number;
  readonly newest: number;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly signal: AbortSignal;
  readonly #message: IncomingMessage;
  readonly #response: ServerResponse;
  #bytes: Promise<Buffer> | undefined;

  /** Errors: HttpError 400 for a query that cannot be decoded. */
  constructor({ message, response, target, parameters, minor, newest, signal }: IncomingRequestParts) {
    // Routes exist for these methods only.
    this.method = message.method as Method;
    this.target = message.url ?? "";
    this.path = target.path;
    this.parameters = parameters;
    this.minor = minor;
    this.newest = newest;
    this.query = readQuery(target.query);
    this.headers = message.headers;
    this.signal = signal;
    this.#message = message;
    this.#response = response;
  }

  /** What a handler has read of the body; undefined while nothing was. */
  get consumed(): Promise<Buffer> | undefined {
    return this.#bytes;
  }

  bytes(limit: number = defaultLimit): Promise<Buffer> {
    this.#bytes ??= this.#read(limit);
    return this.#bytes;
  }

  async json(limit?: number): Promise<unknown> {
    return parseJson((await this.bytes(limit)).toString("utf8"));
  }

  async #read(limit: number): Promise<Buffer> {
    const tooLarge = (): HttpError => new HttpError(413, `the request body is larger than ${limit} bytes`);
    if (Number(this.#message.headers["content-length"] ?? 0) > limit) throw tooLarge();
    if (this.#message.headers.expect !== undefined) this.#response.writeContinue();
    const chunks: Buffer[] = [];
    let size = 0;
    // The answer still has to go out on this connection.
    for await (const chunk of this.#message.iterator({ destroyOnReturn: false })) {
      const bytes = chunk as Buffer;
      size += bytes.length;
      if (size > limit) throw tooLarge();
      chunks.push(bytes);
    }
    return Buffer.concat(chunks, size);
  }
}
