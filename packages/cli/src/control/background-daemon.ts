import { spawn } from "node:child_process";
import { mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Clock, isSwarmError, milliseconds, seconds } from "@mswarm/runtime";
import { localFailure } from "../local-failure.ts";
import { connectToDaemon } from "./connection.ts";

/** How long a daemon may take to answer. DESIGN section 10 promises a second; a busy machine gets more. */
const patience = seconds(15);
const pollInterval = milliseconds(50);

export interface BackgroundParts {
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** This program: its script and the options of its interpreter. */
  readonly script: string;
  readonly nodeOptions: readonly string[];
}

/**
 * Starts a daemon that outlives this process, with the settings of the environment; its log is `daemon.log` in the
 * state directory. Resolves when the control socket answers. Errors: LocalFailure with where to look.
 */
export async function startBackgroundDaemon(socketPath: string, parts: BackgroundParts): Promise<void> {
  const { clock, environment } = parts;
  const stateDirectory = environment["MSWARM_STATE_DIR"] || "/var/lib/mswarm";
  const logPath = join(stateDirectory, "daemon.log");
  await mkdir(stateDirectory, { recursive: true, mode: 0o700 });
  await mkdir(dirname(socketPath), { recursive: true, mode: 0o755 });
  const log = await open(logPath, "a", 0o600);
  let exitCode: number | null | undefined;
  try {
    const daemon = spawn(
      process.execPath,
      [...parts.nodeOptions, parts.script, "daemon", `--control=unix://${socketPath}`],
      { detached: true, stdio: ["ignore", log.fd, log.fd], cwd: "/" },
    );
    daemon.once("exit", (code) => {
      exitCode = code;
    });
    daemon.unref();
  } finally {
    await log.close();
  }
  const deadline = clock.monotonic() + patience;
  while (!(await answers(socketPath, clock))) {
    if (exitCode !== undefined) throw localFailure("UNAVAILABLE", `The daemon stopped at once; its log is ${logPath}`);
    if (clock.monotonic() > deadline)
      throw localFailure("UNAVAILABLE", `The daemon does not answer; its log is ${logPath}`);
    await clock.sleep(pollInterval);
  }
}

async function answers(socketPath: string, clock: Clock): Promise<boolean> {
  try {
    (await connectToDaemon(socketPath, clock)).close();
    return true;
  } catch (error) {
    if (isSwarmError(error)) return false;
    throw error;
  }
}
