// Plain HTTP requests over a unix socket: what a client of the Engine API sends, without a client's opinions.
import { type IncomingHttpHeaders, request } from "node:http";
import { seconds } from "@mswarm/runtime";

export interface HttpAnswer {
  readonly status: number;
  /** "" where there is none. */
  readonly contentType: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface HttpQuestion {
  readonly method: string;
  /** As it goes into the request line. */
  readonly path: string;
  /** Sent as it is; anything but a text or bytes as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A machine that starts many containers answers late. */
const patience = seconds(120);

/** One request on a connection of its own. Fails when there is no answer within two minutes. */
export function askOverUnix(socketPath: string, question: HttpQuestion): Promise<HttpAnswer> {
  const { method, path, body, headers = {} } = question;
  const payload = body === undefined || typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const call = request(
      {
        socketPath,
        method,
        path,
        agent: false,
        timeout: patience,
        // Docker sends the path back where it tidies it up.
        maxHeaderSize: 1024 * 1024,
        headers: {
          Host: "docker",
          ...(payload === undefined
            ? {}
            : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(payload) }),
          ...headers,
        },
      },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.on("error", reject);
        answer.on("end", () =>
          resolve({
            status: answer.statusCode ?? 0,
            contentType: answer.headers["content-type"] ?? "",
            headers: answer.headers,
            body: Buffer.concat(chunks),
          }),
        );
      },
    );
    call.on("timeout", () => call.destroy(new TypeError(`${method} ${path}: no answer within two minutes`)));
    call.on("error", reject);
    call.end(payload);
  });
}
