// Headers that decide what a request is must be there once at most: two of them are two requests in one.
import type { IncomingMessage } from "node:http";
import { badRequest } from "../errors/http-error.ts";

const single: ReadonlySet<string> = new Set([
  "host",
  "content-length",
  "transfer-encoding",
  "content-type",
  "expect",
  "upgrade",
  "authorization",
  "x-registry-auth",
  "x-registry-config",
]);

/**
 * What Node's parser lets through and somebody else could read otherwise. Errors: HttpError 400. The parser itself refuses
 * two lengths, a length beside `chunked`, bad chunks, folded lines and spaces before a colon.
 */
export function checkHeaders({ rawHeaders, headers, httpVersion }: IncomingMessage): void {
  const seen: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? "").toLowerCase();
    if (!single.has(name)) continue;
    if (seen.includes(name)) throw badRequest(`the request has two ${name} headers`);
    seen.push(name);
  }
  const encoding = headers["transfer-encoding"];
  if (encoding === undefined) return;
  if (encoding.trim().toLowerCase() !== "chunked") {
    throw badRequest("the only transfer encoding that is understood is chunked");
  }
  if (httpVersion !== "1.1") throw badRequest("a chunked request must be HTTP/1.1");
  if (headers["content-length"] !== undefined) throw badRequest("the request has a length and is chunked");
}
