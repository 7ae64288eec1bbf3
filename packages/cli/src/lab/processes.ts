// Starting and stopping the daemons of a lab as detached processes.
import { spawn } from "node:child_process";
import { mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import { availableParallelism, totalmem } from "node:os";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { type Clock, type Duration, internal, milliseconds, seconds, unavailable } from "@mswarm/runtime";
import type { LabNode, LabRecord } from "./layout.ts";

/** What this process runs, however it was built. */
const mainScript = process.argv[1] ?? fileURLToPath(new URL("../main.js", import.meta.url));

/** Starts the daemon of a node, offering its share of the machine; returns when its process exists, not when it answers. */
export async function startDaemon(node: LabNode, lab: LabRecord): Promise<number> {
  const nodeCount = lab.managers + lab.workers;
  await mkdir(node.runtimeDirectory, { recursive: true, mode: 0o700 });
  await mkdir(dirname(node.logPath), { recursive: true, mode: 0o700 });
  const log = await open(node.logPath, "a", 0o600);
  try {
    const daemon = spawn(
      process.execPath,
      [
        ...process.execArgv,
        mainScript,
        "daemon",
        `--state-dir=${node.stateDirectory}`,
        `--engine=${lab.engine}`,
        `--api=unix://${node.apiPath}`,
        `--control=unix://${node.controlPath}`,
        `--hostname=${node.name}`,
        `--default-advertise-addr=${node.address}`,
        `--lab=${lab.name}`,
        `--offer-cpus=${availableParallelism() / nodeCount}`,
        `--offer-memory=${Math.floor(totalmem() / nodeCount)}`,
        `--publish-addr=${node.address}`,
        `--log-level=${process.env["MSWARM_LOG_LEVEL"] ?? "info"}`,
        "--log-format=json",
      ],
      { detached: true, stdio: ["ignore", log.fd, log.fd] },
    );
    const started = new Promise<void>((resolve, reject) => {
      daemon.once("spawn", resolve);
      daemon.once("error", reject);
    });
    await started;
    daemon.unref();
    if (daemon.pid === undefined) throw internal(`the daemon of ${node.name} did not start`);
    await writeFile(node.pidPath, `${daemon.pid}\n`);
    return daemon.pid;
  } finally {
    await log.close();
  }
}

/** The pid of a node's daemon; undefined when it does not run. A pid that now belongs to another program does not count. */
export async function daemonPid(node: LabNode): Promise<number | undefined> {
  try {
    const pid = Number(await readFile(node.pidPath, "utf8"));
    const commandLine = await readFile(`/proc/${pid}/cmdline`, "utf8");
    return commandLine.includes(`--state-dir=${node.stateDirectory}`) ? pid : undefined;
  } catch {
    // No pid file, or no such process.
    return undefined;
  }
}

/** Sends a signal and waits until the process has gone; SIGKILL after `grace`. */
export async function stopDaemon(
  node: LabNode,
  signal: "SIGTERM" | "SIGKILL",
  clock: Clock,
  grace: Duration = seconds(10),
): Promise<void> {
  const pid = await daemonPid(node);
  if (pid === undefined) return;
  send(pid, signal);
  const deadline = clock.monotonic() + grace;
  while ((await daemonPid(node)) !== undefined) {
    if (clock.monotonic() > deadline) send(pid, "SIGKILL");
    await clock.sleep(milliseconds(10));
  }
  await rm(node.pidPath, { force: true });
}

function send(pid: number, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // It has ended by itself meanwhile.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

/**
 * Waits for `condition`, looking again every 20 ms. Errors: UNAVAILABLE with `complaint` after `within`.
 */
export async function until(
  condition: () => Promise<boolean>,
  options: { clock: Clock; within: Duration; complaint: () => string },
): Promise<void> {
  const { clock, within, complaint } = options;
  const deadline = clock.monotonic() + within;
  while (!(await condition())) {
    if (clock.monotonic() > deadline) throw unavailable(complaint());
    await clock.sleep(milliseconds(20));
  }
}
