// The daemon: the one place where all parts are put together. Built top to bottom, closed in reverse.
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { dockerodeEngine } from "@mswarm/engine";
import {
  createLogger,
  cryptoRandom,
  failedPrecondition,
  messageOf,
  milliseconds,
  seconds,
  systemClock,
  whenAborted,
} from "@mswarm/runtime";
import { createControlServer } from "./control-server.ts";
import { type DaemonOptions, unixPath } from "./daemon-options.ts";
import { createEngineApiFace } from "./engine-api-face.ts";
import { Membership } from "./membership.ts";
import { openStateDirectory } from "./state-directory.ts";
import { version } from "./version.ts";

export type { DaemonOptions } from "./daemon-options.ts";

/** Longer than everything that is meant to take time when a daemon stops. */
const stopLimit = seconds(15);
/** For the answers to whom the stop has interrupted. */
const answerGrace = milliseconds(100);

/**
 * Runs a daemon until the signal aborts, then stops it cleanly: its containers are left to the next start. A stop that
 * takes longer than 15 s ends the process, which the state on disk survives as it survives SIGKILL.
 * Errors: SwarmError when it cannot start: state directory, sockets.
 */
export async function runDaemon(options: DaemonOptions, signal: AbortSignal): Promise<void> {
  const clock = systemClock();
  const random = cryptoRandom();
  const log = createLogger({ level: options.logLevel, format: options.logFormat });
  const controlPath = unixPath(options.control, "--control");
  const apiPath = unixPath(options.api, "--api");
  const engine = dockerodeEngine(options.engine);
  const state = await openStateDirectory(options.stateDirectory);
  try {
    if (state.wasCleared)
      log.warn({}, "the last run was interrupted while it left its cluster: that has been finished");
    const membership = new Membership({ clock, random, log, options, state, engine });
    await membership.load();
    await makeRuntimeDirectory(dirname(controlPath), "--control");
    await makeRuntimeDirectory(dirname(apiPath), "--api");
    const control = await createControlServer({ membership, clock, random, log, path: controlPath });
    const face = await createEngineApiFace({ membership, clock, log }).catch(async (error: unknown) => {
      // A process that still serves one socket does not end, and ignores SIGTERM.
      await control.close(answerGrace);
      throw error;
    });
    log.info(
      { version, control: options.control, api: options.api, stateDirectory: state.root, pid: process.pid },
      "mswarm daemon is ready",
    );
    membership.resume();
    await whenAborted(signal);
    log.info({}, "stopping");
    const limit = clock.timer(stopLimit, () => {
      log.error({}, "not everything has stopped within 15 seconds: the process ends");
      process.exit(1);
    });
    await membership.stop();
    await Promise.all([control.close(answerGrace), face.close(answerGrace)]);
    limit.cancel();
  } catch (error) {
    log.error({ reason: messageOf(error) }, "the daemon stops");
    throw error;
  } finally {
    await state.release();
  }
}

async function makeRuntimeDirectory(path: string, flag: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o755 });
  } catch (error) {
    throw failedPrecondition(
      `the folder of a socket cannot be made: ${messageOf(error)}; run as root or choose another with ${flag}`,
      { cause: error },
    );
  }
}
