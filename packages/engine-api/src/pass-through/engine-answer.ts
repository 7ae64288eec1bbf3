// The engine's answer on its way to the client: head at once where it may be long until something follows, body as it comes,
// trailers at its end.
import type { IncomingMessage, ServerResponse } from "node:http";
import { forwardedHeaders } from "./forwarded-headers.ts";

/** True when the body is whatever comes before the connection ends. */
function isClosedByEnd({ statusCode = 0, headers }: IncomingMessage, method: string | undefined): boolean {
  const hasBody = method !== "HEAD" && statusCode !== 204 && statusCode !== 304;
  return hasBody && headers["content-length"] === undefined && headers["transfer-encoding"] === undefined;
}

/** Sends the answer with back-pressure. An answer that breaks off breaks the client's connection: it must not look whole. */
export function relayAnswer(answer: IncomingMessage, response: ServerResponse): void {
  response.sendDate = false;
  if (isClosedByEnd(answer, response.req.method)) {
    response.removeHeader("transfer-encoding");
    response.shouldKeepAlive = false;
  }
  // Without being told, an HTTP/1.1 connection stays open: Docker does not send the header either.
  if (response.shouldKeepAlive) response.removeHeader("connection");
  response.writeHead(answer.statusCode ?? 502, answer.statusMessage ?? "", forwardedHeaders(answer.rawHeaders));
  // A body of known length follows at once, and its first piece takes the head along.
  if (answer.headers["content-length"] === undefined) response.flushHeaders();
  answer.pipe(response, { end: false });
  answer.once("end", () => {
    if (answer.rawTrailers.length > 0 && response.chunkedEncoding) response.addTrailers(pairsOf(answer.rawTrailers));
    response.end();
  });
  answer.once("close", () => {
    if (!answer.complete) response.destroy();
  });
  answer.on("error", () => response.destroy());
}

/** Trailers as Node takes them. */
export function pairsOf(raw: readonly string[]): [string, string][] {
  return Array.from({ length: raw.length / 2 }, (_, index) => [raw[2 * index] ?? "", raw[2 * index + 1] ?? ""]);
}
