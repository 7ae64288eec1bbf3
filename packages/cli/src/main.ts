// The `mswarm` executable: the real context, and the exit code.
import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { SwarmError, systemClock } from "@mswarm/runtime";
import type { CliContext } from "./cli-context.ts";
import { addDemo, addLab } from "./commands/lab.ts";
import { startBackgroundDaemon } from "./control/background-daemon.ts";
import { connectToDaemon } from "./control/connection.ts";
import { localFailure } from "./local-failure.ts";
import type { AddCommand } from "./program.ts";
import { runCommandLine } from "./run.ts";

/** Commands about whole clusters on this machine, not about one daemon. */
const more: readonly AddCommand[] = [addLab, addDemo];

const clock = systemClock();
const abort = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.on(name, () => {
    abort.abort(new SwarmError("CANCELLED", `stopped by ${name}`));
    // Whoever waits for input is not waiting for anything else.
    process.stdin.destroy();
  });
}

const written = (stream: NodeJS.WritableStream, bytes: Buffer): Promise<void> =>
  new Promise((resolve, reject) => {
    stream.write(bytes, (error) => (error === null || error === undefined ? resolve() : reject(error)));
  });

const context: CliContext = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  write: (stream, bytes) => written(stream === "out" ? process.stdout : process.stderr, bytes),
  isTerminal: process.stdout.isTTY === true,
  environment: process.env,
  clock,
  signal: abort.signal,
  readInput: () => buffer(process.stdin),
  readFile: async (path) => {
    try {
      return await readFile(path);
    } catch (error) {
      const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
      throw localFailure(
        isMissing ? "NOT_FOUND" : "UNAVAILABLE",
        isMissing ? `open ${path}: no such file or directory` : `cannot read ${path}`,
        error,
      );
    }
  },
  connect: (socketPath) => connectToDaemon(socketPath, clock),
  startDaemon: (socketPath) =>
    startBackgroundDaemon(socketPath, {
      clock,
      environment: process.env,
      script: fileURLToPath(import.meta.url),
      nodeOptions: process.execArgv,
    }),
};

// A closed pipe (`mswarm node ls | head -1`) is no error of ours, but the end of what is still being printed.
let isPipeClosed = false;
process.stdout.on("error", (error) => {
  if (!("code" in error) || error.code !== "EPIPE") throw error;
  isPipeClosed = true;
  abort.abort(new SwarmError("CANCELLED", "nobody reads the output any more"));
});

const exitCode = await runCommandLine(process.argv.slice(2), context, more);
process.exitCode = isPipeClosed ? 0 : exitCode;
// An input that was opened and not read to its end would keep the process.
process.stdin.destroy();
