// How a request becomes bytes: whole, in chunks, cut off, or framed in a way that could be read as two requests.
import { pick, type Random } from "@mswarm/runtime";
import type { HttpQuestion } from "../support/http-over-unix.ts";

export interface FramedRequest {
  readonly bytes: Buffer;
  readonly question: HttpQuestion;
  /**
   * - `answered`: one answer, and the connection stays
   * - `refused`: an answer that refuses, or none; the connection ends
   * - `unfinished`: it lacks its end, which never comes: the client says that it has sent everything, or goes away
   * - `stream`: an answer without an end
   */
  readonly fate: "answered" | "refused" | "unfinished" | "stream";
}

const bodyOf = ({ body }: HttpQuestion): Buffer =>
  Buffer.isBuffer(body) ? body : Buffer.from(typeof body === "string" ? body : "");

function written(question: HttpQuestion, headers: readonly string[], body: Buffer): Buffer {
  const own = Object.entries(question.headers ?? {}).map(([name, value]) => `${name}: ${value}`);
  const head = [`${question.method} ${question.path} HTTP/1.1`, "Host: docker", ...own, ...headers];
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]);
}

const json = "Content-Type: application/json";

/** As every client sends it. */
export function plainlyFramed(question: HttpQuestion): FramedRequest {
  const body = bodyOf(question);
  const headers = question.body === undefined ? [] : [json, `Content-Length: ${body.length}`];
  // Whatever it is set to is mostly a yes.
  const fate = /\/logs\?.*\bfollow=/.test(question.path) ? "stream" : "answered";
  return { bytes: written(question, headers, body), question, fate };
}

/** In one of the ways that clients seldom use, or should not. */
export function oddlyFramed(question: HttpQuestion, random: Random): FramedRequest {
  const body = bodyOf(question);
  const as = (fate: FramedRequest["fate"], headers: readonly string[], sent: Buffer): FramedRequest => ({
    bytes: written(question, headers, sent),
    question,
    fate,
  });
  const chunk = (bytes: Buffer, size = bytes.length.toString(16)): Buffer =>
    Buffer.concat([Buffer.from(`${size}\r\n`), bytes, Buffer.from("\r\n")]);
  const half = body.subarray(0, body.length / 2);
  const last = Buffer.from("0\r\n\r\n");
  const length = `Content-Length: ${body.length}`;
  const chunked = "Transfer-Encoding: chunked";
  switch (random.below(14)) {
    case 0: {
      const pieces = [half, body.subarray(half.length)]
        .filter((piece) => piece.length > 0)
        .map((piece) => chunk(piece));
      return as("answered", [json, chunked], Buffer.concat([...pieces, last]));
    }
    case 1:
      return as("refused", [json, chunked, length], Buffer.concat([chunk(body), last]));
    case 2:
      return as("refused", [json, length, `Content-Length: ${body.length + 1}`], body);
    case 3:
      return as("refused", [json, chunked], chunk(body, pick(["zz", "-1", "ffffffffffffffffff", "0x5", " 5"], random)));
    case 4:
      return as("unfinished", [json, `Content-Length: ${body.length + 10}`], body);
    case 5:
      return as("unfinished", [json, chunked], chunk(body));
    case 6:
      return as("refused", [json, `${chunked}, gzip`], Buffer.alloc(0));
    case 7:
      return as("refused", [` folded: 1`, length], body);
    case 8:
      return as("refused", [json, "Host: other", length], body);
    case 9:
      return as("unfinished", [json, "Expect: 100-continue", "Content-Length: 1000000"], Buffer.alloc(0));
    case 10:
      return as("refused", [`X-Long: ${"x".repeat(1_200_000)}`], Buffer.alloc(0));
    case 11: {
      const bytes = written(question, [], Buffer.alloc(0));
      return { bytes: bytes.subarray(0, 1 + random.below(bytes.length - 1)), question, fate: "unfinished" };
    }
    case 12:
      return { bytes: random.bytes(1 + random.below(300)), question, fate: "unfinished" };
    default:
      return as(
        "refused",
        [json, `Content-Length: ${pick(["-1", "1e3", "0x10", "99999999999999999999", "+5"], random)}`],
        body,
      );
  }
}
