// A private Docker Engine for a test file: started from the machine's dockerd or from a later Debian's, with everything it
// owns in one short temporary folder, and stopped without a trace. It never touches an engine that a user runs.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { failedPrecondition, messageOf, milliseconds, seconds, systemClock } from "@mswarm/runtime";
import Dockerode from "dockerode";
import { importBusybox } from "./busybox-image.ts";
import { endContainerd, endContainers, endContents } from "./engine-processes.ts";
import { type EngineRoot, openEngineRoot } from "./engine-root.ts";
import { takeSubnet } from "./free-subnet.ts";
import type { TestMachine } from "./test-network.ts";

const run = promisify(execFile);
const clock = systemClock();

/** An engine that takes longer has hung. */
const startLimit = seconds(150);
const stopLimit = seconds(90);

/** The machine's own (Debian 12: 20.10.24), or that of a later Debian. */
export type EngineVersion = "20.10.24" | "26.1.5";
export const engineVersions: readonly EngineVersion[] = ["20.10.24", "26.1.5"];

export interface DockerEngineOptions {
  /** The machine's own, whichever it is, where absent. Fails when the machine's is another one. */
  readonly version?: EngineVersion;
  /** Where it runs, with a network of its own; on the host where absent. */
  readonly machine?: TestMachine;
  /** True: what is mounted on this machine afterwards stays invisible to the engine. */
  readonly hasPrivateMounts?: boolean;
}

export interface DockerEngine {
  /** `unix://…` for `dockerodeEngine`. */
  readonly address: string;
  /** A busybox with its usual commands. */
  readonly image: string;
  /** As the engine says it, without what Debian adds: `26.1.5`. */
  readonly version: string;
  /** Where the engine keeps images and containers. */
  readonly dataRoot: string;
  /** A folder for the test's own files, removed with the engine. */
  readonly folder: string;
  /** The `docker` CLI on this engine; gives what it prints, trimmed. Fails with what it complains about. */
  docker(...args: readonly string[]): Promise<string>;
  /** Restarts the engine as a service manager does: its containers are stopped. */
  restart(): Promise<void>;
  /** SIGKILL, as if it crashed: its containers go on without it. */
  kill(): Promise<void>;
  /** Starts it after `kill`. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** After 20 s Docker's `swarm join` ends with this, while its engine goes on joining. */
export function goesOn(error: unknown): void {
  if (!messageOf(error).includes("will continue in the background")) throw error;
}

/**
 * Starts an engine and waits until it answers. Fails with a sentence on a machine without dockerd or busybox-static:
 * a suite that needs Docker must not pass by not running.
 */
export async function startDockerEngine(options: DockerEngineOptions = {}): Promise<DockerEngine> {
  const { version, machine } = options;
  await demand("dockerd", ["--version"], "install Docker Engine (Debian: apt-get install docker.io)");
  await demand("busybox", ["true"], "install busybox-static");
  // Unix socket paths end at 107 bytes: the folder's own path stays short.
  const folder = await mkdtemp("/tmp/mse-");
  let bridge: string | undefined;
  const socket = join(folder, "docker.sock");
  const dataRoot = join(folder, "data");
  const mine = join(folder, "own");
  await mkdir(mine);
  let daemon: ChildProcess | undefined;
  let root: EngineRoot | undefined;
  const stop = async (): Promise<void> => {
    await endWithContents(daemon, folder);
    await endContainers(folder);
    await root?.stop();
    await unmountBelow(folder);
    if (bridge !== undefined) await run("ip", ["link", "delete", bridge]).catch(messageOf);
    // What ends may still write.
    await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  };
  try {
    // On the host always a bridge of its own, without packet filter rules: with `--bridge none` dockerd deletes the machine's
    // docker0, which belongs to an engine that a user runs. A machine of the test's has a docker0 of its own.
    if (machine === undefined) bridge = await makeBridge();
    if (version === "26.1.5") root = await openEngineRoot("trixie", folder);
    const command = [
      ...(machine?.enter ?? []),
      ...(options.hasPrivateMounts === true ? ["unshare", "--mount", "--propagation", "private"] : []),
      ...(root?.enter ?? []),
      ...dockerd({ folder, dataRoot, socket, bridge }),
    ];
    // An empty file: settings of the machine's own engine are not for this one.
    await writeFile(join(folder, "daemon.json"), "{}");
    const start = async (): Promise<void> => {
      daemon = await spawnDaemon(command, join(folder, "dockerd.log"));
      await ready(daemon, socket, join(folder, "dockerd.log"));
    };
    await start();
    const found = await versionOf(socket);
    if (version !== undefined && found !== version) {
      throw failedPrecondition(`this test is about Docker Engine ${version}, and this machine has ${found}`);
    }
    const image = "mswarm-busybox:test";
    await importBusybox(socket, folder, image);
    const address = `unix://${socket}`;
    return {
      address,
      image,
      version: found,
      dataRoot,
      folder: mine,
      docker: async (...args) => (await run("docker", ["-H", address, ...args])).stdout.trim(),
      restart: async () => {
        await end(daemon, "SIGTERM");
        await start();
      },
      kill: async () => {
        await end(daemon, "SIGKILL");
        await endContainerd(folder);
      },
      start,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function demand(program: string, args: readonly string[], advice: string): Promise<void> {
  try {
    await run(program, [...args]);
  } catch (cause) {
    throw failedPrecondition(`this test needs ${program}: ${advice}`, { cause });
  }
}

interface Places {
  readonly folder: string;
  readonly dataRoot: string;
  readonly socket: string;
  readonly bridge: string | undefined;
}

function dockerd({ folder, dataRoot, socket, bridge }: Places): readonly string[] {
  return [
    ...["dockerd", "--data-root", dataRoot, "--exec-root", join(folder, "exec")],
    ...["--pidfile", join(folder, "dockerd.pid"), "--config-file", join(folder, "daemon.json")],
    ...["--host", `unix://${socket}`, "--storage-driver", "overlay2", "--log-level", "warn"],
    ...["--iptables=false", "--ip6tables=false", "--ip-masq=false"],
    ...(bridge === undefined ? [] : ["--bridge", bridge]),
  ];
}

async function spawnDaemon(command: readonly string[], logFile: string): Promise<ChildProcess> {
  const log = await open(logFile, "a");
  // The engine goes down with a test process that is killed.
  const stdio: ["ignore", number, number] = ["ignore", log.fd, log.fd];
  // A folder for temporary files that somebody chose for this test need not exist where the engine runs.
  const { TMPDIR: _folder, ...env } = process.env;
  const daemon = spawn("setpriv", ["--pdeathsig", "TERM", ...command], { stdio, env });
  await log.close();
  return daemon;
}

async function ready(daemon: ChildProcess, socket: string, logFile: string): Promise<void> {
  const docker = new Dockerode({ socketPath: socket, host: undefined });
  const start = clock.monotonic();
  for (;;) {
    try {
      await docker.ping();
      return;
    } catch (cause) {
      const hasEnded = daemon.exitCode !== null || daemon.signalCode !== null;
      if (hasEnded || clock.monotonic() - start > startLimit) {
        const lines = (await readFile(logFile, "utf8")).trim().split("\n").slice(-15).join("\n");
        throw failedPrecondition(
          `dockerd ${hasEnded ? "ended" : `did not answer within ${startLimit / 1_000} s`}:\n${lines}`,
          { cause },
        );
      }
      await clock.sleep(milliseconds(50));
    }
  }
}

async function versionOf(socket: string): Promise<string> {
  const { Version } = await new Dockerode({ socketPath: socket, host: undefined }).version();
  return Version.split("+")[0] ?? "";
}

async function end(daemon: ChildProcess | undefined, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
  if (daemon === undefined || daemon.exitCode !== null || daemon.signalCode !== null) return;
  const exited = new Promise<void>((resolve) => daemon.once("exit", () => resolve()));
  daemon.kill(signal);
  const patience = clock.timer(stopLimit, () => daemon.kill("SIGKILL"));
  await exited;
  patience.cancel();
}

/** It gives its containers ten seconds to end, which many do not: nobody needs them any more. */
async function endWithContents(daemon: ChildProcess | undefined, folder: string): Promise<void> {
  let hasEnded = false;
  const ended = end(daemon, "SIGTERM").finally(() => {
    hasEnded = true;
  });
  while (!hasEnded) {
    await Promise.race([ended, clock.sleep(milliseconds(200))]);
    if (!hasEnded) await endContents(folder);
  }
  await ended;
}

async function makeBridge(): Promise<string> {
  const { link, subnet } = await takeSubnet(async (name) => {
    await run("ip", ["link", "add", name, "type", "bridge"]);
  });
  await run("ip", ["address", "add", `${subnet}.1/24`, "dev", link]);
  await run("ip", ["link", "set", link, "up"]);
  return link;
}

/** Unmounts what the engine (or its containers) left mounted below `folder`, innermost first. */
async function unmountBelow(folder: string): Promise<void> {
  const table = await readFile("/proc/self/mounts", "utf8");
  const points = table
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((point) => point.startsWith(`${folder}/`))
    .sort((a, b) => b.length - a.length);
  for (const point of points) await run("umount", ["--lazy", point]).catch(messageOf);
}
