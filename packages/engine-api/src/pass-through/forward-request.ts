// An ordinary request on its way to the engine and back.
import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import { HttpError } from "../errors/http-error.ts";
import { pairsOf, relayAnswer } from "./engine-answer.ts";
import { engineSilent } from "./engine-failure.ts";
import type { EngineSocket } from "./engine-socket.ts";
import { forwardedHeaders } from "./forwarded-headers.ts";

export interface PassThroughParts {
  readonly engine: EngineSocket;
  /** Told of the head of each of the engine's answers. */
  readonly onAnswer: (answer: IncomingMessage) => void;
}

/**
 * Gives a request to the engine and its answer to the client, streaming both ways. Whichever side goes away first takes
 * the other one with it. Resolves when the answer is over.
 *
 * @param consumed  the body where it was read already
 * Errors: HttpError 503 when no engine answers and nothing has been sent to the client yet; 502 for an engine that changes to
 *   another protocol.
 */
export function forwardRequest(
  message: IncomingMessage,
  response: ServerResponse,
  parts: PassThroughParts,
  consumed?: Buffer,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const { engine } = parts;
    const asked = { method: message.method, path: message.url, headers: framedHeaders(message) };
    const mayRepeat = consumed === undefined && isQuestion(message);
    let engineRequest: ClientRequest;
    const send = (isRepeated: boolean): void => {
      const current = mayRepeat && !isRepeated ? engine.ask(asked) : engine.open(asked);
      engineRequest = current;
      current.once("response", (answer) => {
        parts.onAnswer(answer);
        relayAnswer(answer, response);
      });
      current.once("upgrade", (_answer, socket) => {
        socket.destroy();
        reject(new HttpError(502, "the engine has changed to another protocol, which nobody has asked for"));
      });
      current.on("error", (error) => {
        // After the head, the answer's own end or break is what counts.
        if (response.headersSent || response.destroyed) return;
        if (current.reusedSocket) send(true);
        else reject(engineSilent(engine.path, error));
      });
      if (consumed !== undefined) current.end(consumed);
      // Head and end in one write: the engine may answer a head and close before a second one.
      else if (!hasBody(message)) current.end();
      else if (message.headers.expect === undefined) sendBody(message, current);
      else {
        current.flushHeaders();
        current.once("continue", () => {
          response.writeContinue();
          sendBody(message, current);
        });
      }
    };
    response.once("close", () => {
      // Also after the end: an engine that has answered may still be waiting for a body that nobody will send.
      engineRequest.destroy();
      // What the client still sends is nobody's; its next request comes after it.
      message.unpipe(engineRequest);
      message.resume();
      resolve();
    });
    send(false);
  });
}

/** True for what changes nothing and has no body: the engine may get it twice. */
const isQuestion = (message: IncomingMessage): boolean =>
  (message.method === "GET" || message.method === "HEAD") && !hasBody(message) && message.headers.expect === undefined;

/**
 * With the framing of the body said again, since the parser has taken it off, and without a wish for another protocol: one that
 * `Connection` does not confirm counts for nothing (RFC 9110 section 7.8), but the engine would grant it.
 */
function framedHeaders(message: IncomingMessage): readonly string[] {
  const headers = forwardedHeaders(message.rawHeaders, "upgrade");
  if (message.headers["transfer-encoding"] !== undefined) return [...headers, "Transfer-Encoding", "chunked"];
  // Without it Node would say chunked for the methods that usually have a body.
  return message.headers["content-length"] === undefined && !bodiless.has(message.method ?? "")
    ? [...headers, "Content-Length", "0"]
    : headers;
}

const bodiless: ReadonlySet<string> = new Set(["GET", "HEAD", "DELETE", "OPTIONS", "TRACE"]);

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? "0") > 0;

function sendBody(message: IncomingMessage, engineRequest: ClientRequest): void {
  // The engine may have something to say before the body comes.
  engineRequest.flushHeaders();
  message.pipe(engineRequest, { end: false });
  message.once("end", () => {
    if (message.rawTrailers.length > 0) engineRequest.addTrailers(pairsOf(message.rawTrailers));
    engineRequest.end();
  });
}
