// An answer of the face itself, written to the client.
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { goJson } from "../routing/go-json.ts";
import type { AnswerHeaders, FaceAnswer } from "../routing/route.ts";

export type OwnAnswer = Exclude<FaceAnswer, { readonly kind: "engine" }>;

/**
 * Resolves when the answer is with the operating system, or the client is gone. A stream that fails breaks the connection:
 * the status has been sent already, and a cut answer must not look whole. It rejects with the stream's failure then.
 *
 * @param headers  what every answer carries
 */
export async function writeAnswer(answer: OwnAnswer, response: ServerResponse, headers: AnswerHeaders): Promise<void> {
  // The daemon's time zone is nobody's business, but Go sends the date, and so does Node.
  if (response.shouldKeepAlive) response.removeHeader("connection");
  setHeaders(response, headers);
  setHeaders(response, answer.headers ?? {});
  response.statusCode = answer.status;
  if (answer.kind === "stream") {
    await writeStream(answer.chunks, response);
    return;
  }
  const body = bodyOf(answer);
  if (answer.kind === "json") response.setHeader("Content-Type", "application/json");
  if (answer.status !== 204) response.setHeader("Content-Length", Buffer.byteLength(body));
  response.end(body);
}

function setHeaders(response: ServerResponse, headers: AnswerHeaders): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value as string | string[]);
}

/** A text leaves together with its head, as one piece. */
function bodyOf(answer: Exclude<OwnAnswer, { readonly kind: "stream" }>): string | Buffer {
  switch (answer.kind) {
    case "json":
      return goJson(answer.value);
    case "bytes":
      return answer.body;
    case "empty":
      return Buffer.alloc(0);
  }
}

async function writeStream(chunks: AsyncIterable<Buffer>, response: ServerResponse): Promise<void> {
  response.flushHeaders();
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  try {
    for await (const chunk of chunks) {
      if (response.destroyed) return;
      if (!response.write(chunk)) await once(response, "drain", { signal: gone.signal }).catch(() => undefined);
    }
    response.end();
  } catch (error) {
    const wasThere = !response.destroyed;
    response.destroy();
    if (wasThere) throw error;
  }
}
