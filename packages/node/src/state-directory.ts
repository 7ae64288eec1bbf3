// Where a node keeps its state, and that only one daemon uses it at a time. Layout: DESIGN section 6.
import { createHash } from "node:crypto";
import { constants, existsSync } from "node:fs";
import { access, chmod, mkdir, open, readdir, realpath, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { temporaryOf } from "@mswarm/pki";
import { failedPrecondition, isSwarmError, messageOf } from "@mswarm/runtime";

export interface StateDirectory {
  readonly root: string;
  readonly certificates: string;
  readonly raft: string;
  readonly worker: string;
  /** Known managers. */
  readonly stateFile: string;
  /** Addresses and settings. */
  readonly daemonFile: string;
  /** True when a former `clear` was interrupted; opening has finished it. */
  readonly wasCleared: boolean;
  /** True when there is a Raft log, readable or not. */
  hasLog(): boolean;
  /** Deletes what belongs to the cluster; the directory itself stays ours. A crash meanwhile: the next start goes on. */
  clear(): Promise<void>;
  /** Deletes the Raft log: this node is no longer a manager. */
  clearRaft(): Promise<void>;
  /** Lets another daemon use the directory. */
  release(): Promise<void>;
}

/** The key goes first: without it everything else in here is worth nothing. */
const belongsToCluster = [
  "certificates",
  "raft",
  "worker",
  "state.json",
  temporaryOf("state.json"),
  "daemon.json",
  temporaryOf("daemon.json"),
];
/** There while `clear` runs. */
const clearingMarker = "leaving";
/** What else may lie in a state directory: logs and labs of the same machine, and what file systems put there. */
const harmless: readonly string[] = [...belongsToCluster, clearingMarker, "daemon.log", "lab", "lost+found"];

/**
 * Opens (and makes, mode 0700) the state directory and takes it for this process.
 * Errors: FAILED_PRECONDITION when it cannot be used, holds something else, or another daemon uses it.
 */
export async function openStateDirectory(path: string): Promise<StateDirectory> {
  const root = await makeUsable(path);
  const release = await takeAlone(root);
  const inside = (name: string): string => join(root, name);
  const clear = async (): Promise<void> => {
    await writeFile(inside(clearingMarker), "");
    await syncDirectory(root);
    for (const name of belongsToCluster) await rm(inside(name), { recursive: true, force: true });
    await syncDirectory(root);
    await rm(inside(clearingMarker), { force: true });
    await syncDirectory(root);
  };
  const wasCleared = existsSync(inside(clearingMarker));
  try {
    if (wasCleared) await clear();
  } catch (error) {
    await release();
    throw failedPrecondition(`the state in ${root} cannot be deleted: ${messageOf(error)}`, { cause: error });
  }
  return {
    root,
    certificates: inside("certificates"),
    raft: inside("raft"),
    worker: inside("worker"),
    stateFile: inside("state.json"),
    daemonFile: inside("daemon.json"),
    wasCleared,
    hasLog: () => existsSync(inside("raft")),
    clear,
    clearRaft: () => rm(inside("raft"), { recursive: true, force: true }),
    release,
  };
}

async function makeUsable(path: string): Promise<string> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
    const complaint = complaintAbout(await readdir(path));
    if (complaint !== undefined) throw failedPrecondition(`${path} ${complaint}; choose another with --state-dir`);
    await chmod(path, 0o700);
    return await realpath(path);
  } catch (error) {
    if (isSwarmError(error)) throw error;
    throw failedPrecondition(
      `the state directory ${path} cannot be used: ${messageOf(error)}; run as its owner or choose another with --state-dir`,
      { cause: error },
    );
  }
}

/**
 * Why a directory with these entries is not a state directory of ours. It is made private, and leaving a cluster deletes
 * from it: neither may happen to `/tmp`, a home directory, or the state of a Docker Engine.
 */
export function complaintAbout(entries: readonly string[]): string | undefined {
  if (entries.includes("docker-state.json"))
    return "is the swarm state of a Docker Engine, which mswarm does not take over";
  if (entries.includes("certificates")) return undefined;
  const foreign = entries.filter((name) => !harmless.includes(name));
  return foreign.length === 0 ? undefined : `is no state directory: it holds ${foreign.slice(0, 3).join(", ")}`;
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
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
