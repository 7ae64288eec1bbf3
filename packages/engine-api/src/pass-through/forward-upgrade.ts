// A request that asks for another protocol: exec, attach, BuildKit's session. Until the engine has agreed, it is a request
// like any other, and nothing behind its body reaches the engine: that would be a request that nobody has judged.
import { type IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { badRequest, HttpError } from "../errors/http-error.ts";
import { relayAnswer } from "./engine-answer.ts";
import { engineSilent } from "./engine-failure.ts";
import type { PassThroughParts } from "./forward-request.ts";
import { forwardedHeaders } from "./forwarded-headers.ts";
import { splice } from "./splice.ts";

/** The body of such a request says how to run a command, no more. */
const longestBody = 1024 * 1024;

/**
 * A response for a request whose connection Node has handed over. The connection ends with it.
 */
export function responseOn(message: IncomingMessage, socket: Duplex): ServerResponse {
  const response = new ServerResponse(message);
  response.shouldKeepAlive = false;
  // What `upgrade` gives is the socket of the request.
  response.assignSocket(message.socket);
  response.on("error", () => undefined);
  response.once("finish", () => socket.end());
  return response;
}

/**
 * @param socket  the client's connection
 * @param head    what the client has sent behind the head of its request so far
 */
export async function forwardUpgrade(
  message: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  parts: PassThroughParts,
): Promise<void> {
  const { body, rest } = await takeBody(message, socket, head);
  const engineRequest = parts.engine.open({
    method: message.method,
    path: message.url,
    headers: [...forwardedHeaders(message.rawHeaders), "Connection", "Upgrade"],
  });
  const gone = (): void => {
    engineRequest.destroy();
  };
  socket.once("close", gone);
  await new Promise<void>((resolve, reject) => {
    engineRequest.once("upgrade", (answer, engineSocket, engineHead) => {
      parts.onAnswer(answer);
      socket.write(headOf(answer));
      if (engineHead.length > 0) socket.write(engineHead);
      if (rest.length > 0) engineSocket.write(rest);
      splice(socket, engineSocket);
      resolve();
    });
    engineRequest.once("response", (answer) => {
      parts.onAnswer(answer);
      const response = responseOn(message, socket);
      relayAnswer(answer, response);
      socket.resume();
      resolve();
    });
    engineRequest.on("error", (error) => reject(engineSilent(parts.engine.path, error)));
    engineRequest.end(body);
  });
}

function headOf({ statusCode, statusMessage, rawHeaders, httpVersion }: IncomingMessage): string {
  const lines = [`HTTP/${httpVersion} ${statusCode} ${statusMessage}`];
  for (let index = 0; index < rawHeaders.length; index += 2)
    lines.push(`${rawHeaders[index]}: ${rawHeaders[index + 1]}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** Separates the body of the request from what the client means for the other protocol. */
async function takeBody(
  message: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<{ readonly body: Buffer; readonly rest: Buffer }> {
  const { "transfer-encoding": encoding, "content-length": length = "0" } = message.headers;
  if (encoding !== undefined) throw badRequest("a request for another protocol must say the length of its body");
  const size = Number(length);
  if (size > longestBody) throw new HttpError(413, `the request body is larger than ${longestBody} bytes`);
  let taken = head;
  while (taken.length < size) {
    const more = await nextChunk(socket);
    if (more === undefined) throw badRequest("the request ends within its body");
    taken = Buffer.concat([taken, more]);
  }
  return { body: taken.subarray(0, size), rest: taken.subarray(size) };
}

/** Undefined when nothing more will come. */
function nextChunk(socket: Duplex): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const look = (): void => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null && !socket.readableEnded && !socket.destroyed) return;
      socket.off("readable", look);
      socket.off("end", look);
      socket.off("close", look);
      resolve(chunk ?? undefined);
    };
    socket.on("readable", look);
    socket.on("end", look);
    socket.on("close", look);
    look();
  });
}
