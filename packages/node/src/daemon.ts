// The daemon: the one place where all parts are put together. Built top to bottom, closed in reverse.
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { dockerodeEngine } from "@mswarm/engine";
import { createLogger, cryptoRandom, messageOf, systemClock, whenAborted } from "@mswarm/runtime";
import { createControlServer } from "./control-server.ts";
import { type DaemonOptions, unixPath } from "./daemon-options.ts";
import { Membership } from "./membership.ts";
import { openStateDirectory } from "./state-directory.ts";
import { version } from "./version.ts";

export type { DaemonOptions } from "./daemon-options.ts";

/**
 * Runs a daemon until the signal aborts, then stops it cleanly: its containers are left to the next start.
 * Errors: SwarmError when it cannot start: state directory, sockets, damaged state.
 */
export async function runDaemon(options: DaemonOptions, signal: AbortSignal): Promise<void> {
  const clock = systemClock();
  const random = cryptoRandom();
  const log = createLogger({ level: options.logLevel, format: options.logFormat });
  const controlPath = unixPath(options.control, "--control");
  unixPath(options.api, "--api");
  const engine = dockerodeEngine(options.engine);
  const state = await openStateDirectory(options.stateDirectory);
  try {
    const membership = new Membership({ clock, random, log, options, state, engine });
    await membership.load();
    await mkdir(dirname(controlPath), { recursive: true, mode: 0o755 });
    const control = await createControlServer({ membership, clock, random, log, path: controlPath });
    log.info(
      { version, control: options.control, stateDirectory: state.root, pid: process.pid },
      "mswarm daemon is ready",
    );
    membership.resume();
    try {
      await whenAborted(signal);
      log.info({}, "stopping");
    } finally {
      await membership.stop();
      await control.close();
    }
  } catch (error) {
    log.error({ reason: messageOf(error) }, "the daemon stops");
    throw error;
  } finally {
    await state.release();
  }
}
