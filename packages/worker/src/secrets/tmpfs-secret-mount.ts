// Secrets as files in a tmpfs that this daemon mounts. What is written here is in memory only; where the kernel can, it
// is not swapped out either.
import { execFile } from "node:child_process";
import { chmod, mkdir, open, readdir, rm, stat, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { failedPrecondition, isId, type Logger, messageOf, newId, type Random } from "@mswarm/runtime";
import type { PlacedFile, SecretFile, SecretMount } from "./secret-mount.ts";

const run = promisify(execFile);
/** TMPFS_MAGIC of linux/magic.h. */
const tmpfsMagic = 0x01021994;
// Files of secrets and configs are small (500 KiB and 1000 KiB at most); this bounds what a busy node can pin.
const baseOptions = "mode=0700,size=25%,nosuid,nodev,noexec";

export interface TmpfsSecretMountParts {
  readonly random: Random;
  readonly log: Logger;
}

/**
 * A tmpfs at `folder`, mounted when the first secret needs it and used again by the next daemon: running containers
 * have its files bound.
 *
 * Files lie in `<folder>/<random id>/<task id>/<number>`. The id is made with the tmpfs. An engine that looks into a
 * different mount at `folder` (another mount namespace, another machine) therefore finds none of the files, and refuses
 * to bind them instead of binding something else.
 *
 * @param folder  absolute; one daemon's own. A daemon in a container needs it shared with the host at the same path
 */
export class TmpfsSecretMount implements SecretMount {
  readonly #folder: string;
  readonly #random: Random;
  readonly #log: Logger;
  #opening: Promise<string> = Promise.resolve("");

  constructor(folder: string, parts: TmpfsSecretMountParts) {
    this.#folder = folder;
    this.#random = parts.random;
    this.#log = parts.log;
  }

  async place(taskId: string, files: readonly SecretFile[]): Promise<readonly PlacedFile[]> {
    const folder = join(await this.#open(), checkedName(taskId));
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { mode: 0o700 });
    const placed: PlacedFile[] = [];
    for (const [index, file] of files.entries()) {
      const source = join(folder, String(index));
      await writeSecretFile(source, file);
      placed.push({ source, target: file.target });
    }
    return placed;
  }

  async holds(taskId: string): Promise<boolean> {
    const root = await this.#existing();
    return root !== undefined && (await names(root)).includes(checkedName(taskId));
  }

  async wipe(taskId: string): Promise<void> {
    const root = await this.#existing();
    if (root !== undefined) await rm(join(root, checkedName(taskId)), { recursive: true, force: true });
  }

  async wipeAllBut(taskIds: ReadonlySet<string>): Promise<void> {
    const root = await this.#existing();
    if (root === undefined) return;
    for (const name of await names(root)) {
      if (!taskIds.has(name)) await rm(join(root, name), { recursive: true, force: true });
    }
  }

  async discard(): Promise<void> {
    if (!(await isOwnTmpfs(this.#folder))) return;
    for (const name of await names(this.#folder)) await rm(join(this.#folder, name), { recursive: true, force: true });
    try {
      await run("umount", [this.#folder]);
    } catch (error) {
      // Someone else's mount (shared into our container), or still bound: it is empty, and that is what counts.
      this.#log.debug({ folder: this.#folder, error: messageOf(error) }, "the empty secrets folder stays mounted");
    }
  }

  /** The folder for tasks inside the tmpfs; mounts it where needed. Looked at each time: someone may have unmounted it. */
  #open(): Promise<string> {
    const opened = this.#opening.catch(messageOf).then(() => this.#mountAndEnter());
    this.#opening = opened;
    return opened;
  }

  async #mountAndEnter(): Promise<string> {
    if (!(await isOwnTmpfs(this.#folder))) await this.#mount();
    if (!(await isOwnTmpfs(this.#folder))) {
      throw failedPrecondition(
        `secrets cannot be kept in memory: ${this.#folder} is not a tmpfs of its own, and secrets are never written to a disk`,
      );
    }
    await chmod(this.#folder, 0o700);
    const existing = await this.#existing();
    if (existing !== undefined) return existing;
    const entered = join(this.#folder, newId(this.#random));
    await mkdir(entered, { mode: 0o700 });
    return entered;
  }

  async #existing(): Promise<string | undefined> {
    if (!(await isOwnTmpfs(this.#folder))) return undefined;
    const name = (await names(this.#folder)).find(isId);
    return name === undefined ? undefined : join(this.#folder, name);
  }

  async #mount(): Promise<void> {
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      try {
        await mountTmpfs(this.#folder, `${baseOptions},noswap`);
      } catch {
        // Linux before 6.4 does not know noswap; a failure for another reason shows up here again.
        await mountTmpfs(this.#folder, baseOptions);
        this.#log.warn({ folder: this.#folder }, "this kernel may swap secrets out: it has no tmpfs without swap");
      }
    } catch (cause) {
      throw failedPrecondition(
        `secrets cannot be kept in memory: no tmpfs could be mounted at ${this.#folder} (${messageOf(cause).trim()}); run the daemon as root, or mount a tmpfs there for it`,
        { cause },
      );
    }
  }
}

async function mountTmpfs(folder: string, options: string): Promise<void> {
  // Named as Docker names it: tasks see the name in their table of mounts.
  await run("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder]);
}

/** True when `folder` is itself a tmpfs mount, not a folder within some other file system. */
async function isOwnTmpfs(folder: string): Promise<boolean> {
  try {
    const [system, own, parent] = [await statfs(folder), await stat(folder), await stat(dirname(folder))];
    return system.type === tmpfsMagic && own.dev !== parent.dev;
  } catch {
    // It does not exist, so it is none; everything that needs one says so.
    return false;
  }
}

async function writeSecretFile(path: string, file: SecretFile): Promise<void> {
  const handle = await open(path, "wx", 0o600);
  try {
    await handle.writeFile(file.data);
    await handle.chown(file.uid, file.gid);
    await handle.chmod(file.mode);
  } finally {
    await handle.close();
  }
}

async function names(folder: string): Promise<readonly string[]> {
  return await readdir(folder);
}

/** A task id becomes a file name here; it came from a manager. */
function checkedName(taskId: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(taskId)) throw failedPrecondition("a task's id is not one");
  return taskId;
}
