// What a route of the face is: a method and a path, and a function from a request to an answer.
import type { IncomingHttpHeaders } from "node:http";
import type { FaceContext } from "./face-context.ts";

export type Method = "GET" | "HEAD" | "POST" | "PUT" | "DELETE";

/** One request as a handler sees it. It was read in one way only: whatever can be read in two was refused before. */
export interface FaceRequest {
  readonly method: Method;
  /** As it was sent, with version and query. */
  readonly target: string;
  /** Decoded, without the version prefix; begins with a slash. */
  readonly path: string;
  /** What stands for the `{name}`s of the pattern, decoded; never empty. */
  readonly parameters: Readonly<Record<string, string>>;
  /** N of the API version 1.N the client speaks; the newest that is served where its path names none. */
  readonly minor: number;
  /** N of the newest API version that is served, whatever the client speaks: some answers have the form of the engine's. */
  readonly newest: number;
  readonly query: URLSearchParams;
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders;
  /** Aborts when the client goes away, or the daemon stops. */
  readonly signal: AbortSignal;
  /**
   * The whole body; the same bytes at each call.
   *
   * @param limit  most bytes it may have; 8 MiB where absent
   * Errors: HttpError 413.
   */
  bytes(limit?: number): Promise<Buffer>;
  /**
   * The body as JSON. Integers beyond 2^53 are bigints.
   * Errors: HttpError 400 for an empty body (with "EOF", as Docker says), for what is no JSON, for more than one value and
   * for an object that names a key twice, 413.
   */
  json(limit?: number): Promise<unknown>;
}

/** Header names as they are sent; a value may repeat. */
export type AnswerHeaders = Readonly<Record<string, string | readonly string[]>>;

/**
 * What a handler answers. Version and server headers are added to it.
 *
 * - `json`: written as Docker writes it; a bigint becomes a number, undefined members are left out
 * - `bytes`: as they are; a text leaves in one piece with its head
 * - `empty`: no body at all, length 0
 * - `stream`: status and headers go out at once, then each chunk as it comes, with back-pressure; the iterator is
 *   `return()`ed when the client goes away
 * - `engine`: the request goes to the local engine as it came, its body included even if the handler has read it
 */
export type FaceAnswer =
  | { readonly kind: "json"; readonly status: number; readonly headers?: AnswerHeaders; readonly value: unknown }
  | {
      readonly kind: "bytes";
      readonly status: number;
      readonly headers?: AnswerHeaders;
      readonly body: Buffer | string;
    }
  | { readonly kind: "empty"; readonly status: number; readonly headers?: AnswerHeaders }
  | {
      readonly kind: "stream";
      readonly status: number;
      readonly headers?: AnswerHeaders;
      readonly chunks: AsyncIterable<Buffer>;
    }
  | { readonly kind: "engine" };

export const answerJson = (value: unknown, status = 200, headers: AnswerHeaders = {}): FaceAnswer => ({
  kind: "json",
  status,
  headers,
  value,
});

const jsonHeaders: AnswerHeaders = { "Content-Type": "application/json" };

/** @param line  a value as Docker writes it, without the line end */
export const answerJsonLine = (line: string): FaceAnswer => ({
  kind: "bytes",
  status: 200,
  headers: jsonHeaders,
  body: `${line}\n`,
});

/** @param lines  the elements as Docker writes them */
export const answerJsonList = (lines: readonly string[]): FaceAnswer => ({
  kind: "bytes",
  status: 200,
  headers: jsonHeaders,
  body: Buffer.from(`[${lines.join(",")}]\n`),
});

export const answerEmpty = (status = 200, headers: AnswerHeaders = {}): FaceAnswer => ({
  kind: "empty",
  status,
  headers,
});

export const answerStream = (chunks: AsyncIterable<Buffer>, headers: AnswerHeaders = {}, status = 200): FaceAnswer => ({
  kind: "stream",
  status,
  headers,
  chunks,
});

export const passToEngine: FaceAnswer = { kind: "engine" };

/** Errors that a handler throws become answers by `errors/error-answer.ts`. */
export type Handler = (request: FaceRequest, context: FaceContext) => Promise<FaceAnswer>;

/**
 * One entry of the table. A pattern is a path whose segments may be `{name}`, as `/services/{id}/update`; a segment that
 * is spelled out wins over a `{name}`. Paths below `/swarm`, `/nodes`, `/services`, `/tasks`, `/secrets` and `/configs`
 * that no entry fits are answered 404 "page not found" (200 for OPTIONS, as Docker does), all other paths by the engine.
 */
export interface Route {
  readonly method: Method;
  readonly pattern: string;
  readonly handler: Handler;
}
