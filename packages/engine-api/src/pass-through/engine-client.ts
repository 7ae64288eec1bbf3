// The face's own questions to the engine.
import type { IncomingMessage } from "node:http";
import { abortReason, throwIfAborted } from "@mswarm/runtime";
import { HttpError } from "../errors/http-error.ts";
import type { EngineAnswer, EngineHttp, EngineRequest } from "../routing/engine-http.ts";
import { parseJson } from "../routing/strict-json.ts";
import { engineSilent } from "./engine-failure.ts";
import type { PassThroughParts } from "./forward-request.ts";

const longestAnswer = 16 * 1024 * 1024;

export function engineClient({ engine, onAnswer }: PassThroughParts): EngineHttp {
  return {
    request: (asked, signal) =>
      new Promise<EngineAnswer>((resolve, reject) => {
        throwIfAborted(signal);
        const request = engine.open({
          method: asked.method,
          path: asked.path,
          headers: headersOf(asked),
        });
        const leave = (): void => {
          request.destroy(abortReason(signal));
        };
        signal.addEventListener("abort", leave, { once: true });
        request.once("close", () => signal.removeEventListener("abort", leave));
        request.once("response", (answer) => {
          onAnswer(answer);
          // One connection, one request.
          answer.once("close", () => request.destroy());
          resolve(answerOf(answer));
        });
        request.on("error", (error) => reject(signal.aborted ? abortReason(signal) : engineSilent(engine.path, error)));
        request.end(asked.body);
      }),
  };
}

function headersOf({ headers = {}, body }: EngineRequest): Record<string, string> {
  return { Host: "docker", ...headers, ...(body === undefined ? {} : { "Content-Length": String(body.length) }) };
}

function answerOf(answer: IncomingMessage): EngineAnswer {
  const bytes = async (): Promise<Buffer> => {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of answer) {
      chunks.push(chunk as Buffer);
      size += (chunk as Buffer).length;
      if (size > longestAnswer) throw new HttpError(500, `the engine's answer is larger than ${longestAnswer} bytes`);
    }
    return Buffer.concat(chunks, size);
  };
  return {
    status: answer.statusCode ?? 0,
    headers: answer.headers,
    rawHeaders: answer.rawHeaders,
    body: answer as AsyncIterable<Buffer>,
    bytes,
    json: async () => parseJson((await bytes()).toString("utf8")),
  };
}
