import { chmodSync } from "node:fs";
import { unlink } from "node:fs/promises";
import { connect, type Server } from "node:net";
import { failedPrecondition, invalidArgument, messageOf, unavailable } from "@mswarm/runtime";

// sun_path of Linux, without the final zero.
const longestPath = 107;

/** Binds and sets the mode in one turn of the event loop: nobody is accepted in between. */
function bind(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void => reject(error);
    server.once("error", onError);
    server.listen(path, () => {
      server.off("error", onError);
      resolve();
    });
    if (server.listening) chmodSync(path, 0o660);
  });
}

/** True when a process answers on the socket. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    const finish = (answered: boolean): void => {
      probe.destroy();
      resolve(answered);
    };
    probe.once("connect", () => finish(true));
    probe.once("error", () => finish(false));
  });
}

const codeOf = (error: unknown): unknown => (error instanceof Error ? Reflect.get(error, "code") : undefined);

/**
 * Listens on a unix socket of mode 0660. A socket file that a dead process left is replaced.
 * Rejects with FAILED_PRECONDITION when another process answers there, INVALID_ARGUMENT for a path that is too long.
 */
export async function listenOnUnixSocket(server: Server, path: string): Promise<void> {
  if (Buffer.byteLength(path) > longestPath) {
    throw invalidArgument(`the socket path ${path} is longer than ${longestPath} bytes`);
  }
  try {
    await bind(server, path);
    return;
  } catch (error) {
    if (codeOf(error) !== "EADDRINUSE") throw unavailable(`cannot listen on ${path}: ${messageOf(error)}`);
  }
  if (await isAnswered(path)) throw failedPrecondition(`another process listens on ${path}`);
  try {
    await unlink(path);
    await bind(server, path);
  } catch (error) {
    throw unavailable(`cannot listen on ${path}: ${messageOf(error)}`);
  }
}
