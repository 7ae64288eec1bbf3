// What an engine that was killed leaves running: its containerd for a moment, its containers for good.
import { readdir, readFile, rm } from "node:fs/promises";
import { failedPrecondition, invariant } from "@mswarm/runtime";
import { eventually } from "./eventually.ts";

interface Process {
  readonly pid: number;
  readonly parent: number;
  /** Program and arguments, each with a zero byte behind it. */
  readonly command: string;
}

/**
 * Kills the engine's containerd and forgets it: an engine that finds the number of its old one in a file, and a process of that
 * number, if only one that nobody has reaped yet, waits for it in vain.
 * @param folder  of the engine, in the command line of each of its processes
 */
export async function endContainerd(folder: string): Promise<void> {
  const config = `${folder}/exec/containerd/containerd.toml`;
  await eventually(async () => {
    const found = (await processes()).filter(({ command }) => command.includes(config));
    for (const { pid } of found) kill(pid);
    if (found.length > 0) throw failedPrecondition("containerd is still there");
  });
  await rm(`${folder}/exec/containerd/containerd.pid`, { force: true });
}

/** Kills what runs in the engine's containers, as if it had ended; an engine that runs is told by their shims. */
export async function endContents(folder: string): Promise<void> {
  const all = await processes();
  const shims = all.filter(({ command }) => command.includes("containerd-shim") && isOf(folder, command));
  const parents = new Set(shims.map(({ pid }) => pid));
  // Shims also start runc, which is in the middle of something.
  for (const { pid, parent, command } of all) if (parents.has(parent) && !command.startsWith("runc")) kill(pid);
}

/** Kills the engine's containers with their shims. */
export async function endContainers(folder: string): Promise<void> {
  const all = await processes();
  const shims = new Set(all.filter(({ command }) => isOf(folder, command)).map(({ pid }) => pid));
  for (const { pid, parent } of all) if (shims.has(pid) || shims.has(parent)) kill(pid);
}

const isOf = (folder: string, command: string): boolean => command.includes(`${folder}/exec/`);

async function processes(): Promise<readonly Process[]> {
  const pids = (await readdir("/proc")).map(Number).filter(Number.isInteger);
  return await Promise.all(
    pids.map(async (pid) => {
      const read = (file: string): Promise<string> => readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "");
      const [command, stat] = [await read("cmdline"), await read("stat")];
      // `pid (name) state parent …`, where the name may hold anything.
      return { pid, command, parent: Number(stat.split(") ").at(-1)?.split(" ")[1]) };
    }),
  );
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    // It ended on its own meanwhile.
    invariant(
      error instanceof Error && "code" in error && error.code === "ESRCH",
      "we may kill our own engine's processes",
    );
  }
}
