// A second version of Docker Engine: a small Debian of a later release, seen by its dockerd alone. The mounts lie in a
// namespace of their own, held by a process that ends with the test process.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { failedPrecondition, messageOf } from "@mswarm/runtime";
import { eventually } from "./eventually.ts";

const run = promisify(execFile);
const script = fileURLToPath(new URL("../../scripts/debian-engine", import.meta.url));

export interface EngineRoot {
  /** What goes before `dockerd` on the command line. */
  readonly enter: readonly string[];
  stop(): Promise<void>;
}

/**
 * @param release  of Debian; its root is made on first use (half a minute) and kept on this machine
 * @param folder  seen at the same path inside, with what the host mounts in it later
 */
export async function openEngineRoot(release: string, folder: string): Promise<EngineRoot> {
  const { stdout } = await run(script, [release]);
  const debian = stdout.trim();
  await shell(`mount --bind ${folder} ${folder} && mount --make-shared ${folder}`);
  const slave = ["--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "slave", "sleep", "infinity"];
  const holder = spawn("setpriv", slave, { stdio: "ignore" });
  const stop = async (): Promise<void> => {
    holder.kill("SIGKILL");
    await shell(`umount --lazy ${folder}`).catch(messageOf);
  };
  try {
    await hasNamespace(holder);
    const [root, upper, work] = ["root", "upper", "work"].map((name) => join(folder, "debian", name));
    for (const path of [root, upper, work]) await mkdir(path ?? "", { recursive: true });
    const namespace = ["nsenter", `--mount=/proc/${holder.pid}/ns/mnt`];
    const mounts = [
      `mount -t overlay overlay -o lowerdir=${debian},upperdir=${upper},workdir=${work} ${root}`,
      `mount -t proc proc ${root}/proc`,
      `mount --rbind /sys ${root}/sys`,
      `mount --rbind /dev ${root}/dev`,
      `mkdir -p ${root}${folder} ${root}/old && mount --bind ${folder} ${root}${folder}`,
      // Not chroot: containers would keep the host's root below their own, and `docker exec` would see that one.
      `cd ${root} && pivot_root . old && umount --lazy old`,
    ];
    await run("nsenter", [...namespace.slice(1), "sh", "-euc", mounts.join("\n")]);
    return { enter: namespace, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function hasNamespace(holder: ChildProcess): Promise<void> {
  const ours = await readlink("/proc/self/ns/mnt");
  await eventually(async () => {
    if ((await readlink(`/proc/${holder.pid}/ns/mnt`)) === ours) throw failedPrecondition("no mount namespace yet");
  });
}

async function shell(line: string): Promise<void> {
  await run("sh", ["-euc", line]);
}
