// The request of Node's server in the form that handlers see.
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { badRequest, HttpError } from "../errors/http-error.ts";
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

  #read(limit: number): Promise<Buffer> {
    const message = this.#message;
    const tooLarge = (): HttpError => new HttpError(413, `the request body is larger than ${limit} bytes`);
    if (Number(message.headers["content-length"] ?? 0) > limit) return Promise.reject(tooLarge());
    if (message.headers.expect !== undefined) this.#response.writeContinue();
    // By events: an iterator over the stream costs more than all else that is done with a small body.
    return new Promise((resolve, reject) => {
      let chunks: Buffer[] = [];
      let size = 0;
      message.on("data", (bytes: Buffer) => {
        size += bytes.length;
        if (size <= limit) {
          chunks.push(bytes);
          return;
        }
        // What still comes is thrown away: the answer has to go out on this connection.
        chunks = [];
        reject(tooLarge());
      });
      message.once("end", () => resolve(Buffer.concat(chunks, size)));
      const cutOff = (): void => reject(badRequest("the request ends within its body"));
      message.on("error", cutOff);
      message.once("close", cutOff);
      // A client that had gone before anybody read: the close has been told already.
      if (message.destroyed) cutOff();
    });
  }
}
