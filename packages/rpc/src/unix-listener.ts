import { chmodSync } from "node:fs";
import { lstat, unlink } from "node:fs/promises";
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

/** True when no process listens on the socket. One whose queue is full (EAGAIN) is busy, or stopped, not dead. */
function isDead(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    const finish = (isDead: boolean): void => {
      probe.destroy();
      resolve(isDead);
    };
    probe.once("connect", () => finish(false));
    probe.once("error", (error) => finish(codeOf(error) === "ECONNREFUSED" || codeOf(error) === "ENOENT"));
  });
}

/** A file that somebody keeps is not this daemon's to delete, however its path came into the settings. */
async function requireSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found !== undefined && !found.isSocket()) {
    throw failedPrecondition(`${path} is there and is not a socket: delete it, or choose another path`);
  }
}

const codeOf = (error: unknown): unknown => (error instanceof Error ? Reflect.get(error, "code") : undefined);

/**
 * Listens on a unix socket of mode 0660. A socket file that a dead process left is replaced.
 * Rejects with FAILED_PRECONDITION when another process listens there, or something that is no socket is there; INVALID_ARGUMENT for a path that is too long.
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
  await requireSocket(path);
  if (!(await isDead(path))) throw failedPrecondition(`another process listens on ${path}`);
  try {
    await unlink(path);
    await bind(server, path);
  } catch (error) {
    throw unavailable(`cannot listen on ${path}: ${messageOf(error)}`);
  }
}
