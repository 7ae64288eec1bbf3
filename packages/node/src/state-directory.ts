// Where a node keeps its state, and that only one daemon uses it at a time. Layout: DESIGN section 6.
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { access, chmod, mkdir, realpath, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { failedPrecondition, messageOf } from "@mswarm/runtime";

export interface StateDirectory {
  readonly root: string;
  readonly certificates: string;
  readonly raft: string;
  readonly worker: string;
  /** Known managers. */
  readonly stateFile: string;
  /** Addresses and settings. */
  readonly daemonFile: string;
  /** Deletes what belongs to the cluster; the directory itself stays ours. */
  clear(): Promise<void>;
  /** Deletes the Raft log: this node is no longer a manager. */
  clearRaft(): Promise<void>;
  /** Lets another daemon use the directory. */
  release(): Promise<void>;
}

/**
 * Opens (and makes, mode 0700) the state directory and takes it for this process.
 * Errors: FAILED_PRECONDITION when it cannot be used, or another daemon uses it.
 */
export async function openStateDirectory(path: string): Promise<StateDirectory> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await chmod(path, 0o700);
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw failedPrecondition(
      `the state directory ${path} cannot be used: ${messageOf(error)}; run as its owner or choose another with --state-dir`,
      { cause: error },
    );
  }
  const root = await realpath(path);
  const release = await takeAlone(root);
  const inside = (name: string): string => join(root, name);
  const belongsToCluster = ["certificates", "raft", "worker", "state.json", "daemon.json"].map(inside);
  return {
    root,
    certificates: inside("certificates"),
    raft: inside("raft"),
    worker: inside("worker"),
    stateFile: inside("state.json"),
    daemonFile: inside("daemon.json"),
    clear: async () => {
      // The certificate goes last: without it nothing else in here would be looked at again.
      for (const entry of belongsToCluster.toReversed()) await rm(entry, { recursive: true, force: true });
    },
    clearRaft: () => rm(inside("raft"), { recursive: true, force: true }),
    release,
  };
}

/**
 * A socket name in the kernel's abstract namespace, made from the path. Unlike a lock file it cannot be left behind: the
 * kernel drops it with the process, however that ends.
 */
async function takeAlone(root: string): Promise<() => Promise<void>> {
  const name = `\0mswarm-${createHash("sha256").update(root).digest("hex").slice(0, 32)}`;
  const holder = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    holder.once("error", (error: NodeJS.ErrnoException) => {
      reject(
        error.code === "EADDRINUSE"
          ? failedPrecondition(
              `another mswarm daemon uses the state directory ${root}; stop it, or choose another with --state-dir`,
            )
          : failedPrecondition(`the state directory ${root} cannot be locked: ${error.message}`, { cause: error }),
      );
    });
    holder.listen(name, resolve);
  });
  holder.unref();
  return () => new Promise((resolve) => holder.close(() => resolve()));
}
