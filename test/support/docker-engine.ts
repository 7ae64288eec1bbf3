// A private Docker Engine for a test file: started from the machine's dockerd, with everything it owns in one short
// temporary folder, and stopped without a trace. It never touches an engine that a user runs.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, open, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { failedPrecondition, messageOf, milliseconds, seconds, systemClock } from "@mswarm/runtime";
import Dockerode from "dockerode";

const run = promisify(execFile);
const clock = systemClock();

export interface DockerEngineOptions {
  /** True: what is mounted on this machine afterwards stays invisible to the engine. */
  readonly hasPrivateMounts?: boolean;
}

export interface DockerEngine {
  /** `unix://…` for `dockerodeEngine`. */
  readonly address: string;
  /** A busybox with its usual commands. */
  readonly image: string;
  /** Where the engine keeps images and containers. */
  readonly dataRoot: string;
  /** A folder for the test's own files, removed with the engine. */
  readonly folder: string;
  /** Restarts the engine as a service manager does: its containers are stopped. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts an engine and waits until it answers. Fails with a sentence on a machine without dockerd or busybox-static:
 * a suite that needs Docker must not pass by not running.
 */
export async function startDockerEngine(options: DockerEngineOptions = {}): Promise<DockerEngine> {
  await demand("dockerd", ["--version"], "install Docker Engine (Debian: apt-get install docker.io)");
  await demand("busybox", ["true"], "install busybox-static");
  // Unix socket paths end at 107 bytes: the folder's own path stays short.
  const folder = await mkdtemp("/tmp/mse-");
  // Always a bridge of its own, without packet filter rules: with `--bridge none` dockerd deletes the machine's docker0,
  // which belongs to an engine that a user runs.
  const bridge = `mse${folder.slice(-6)}`;
  const socket = join(folder, "docker.sock");
  const dataRoot = join(folder, "data");
  const mine = join(folder, "own");
  await mkdir(mine);
  let daemon: ChildProcess | undefined;
  const stop = async (): Promise<void> => {
    await end(daemon);
    await unmountBelow(folder);
    await run("ip", ["link", "delete", bridge]).catch(messageOf);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await makeBridge(bridge);
    const start = async (): Promise<void> => {
      daemon = await startDaemon(folder, dataRoot, socket, bridge, options.hasPrivateMounts ?? false);
      await ready(daemon, socket, join(folder, "dockerd.log"));
    };
    await start();
    const image = "mswarm-busybox:test";
    await importBusybox(socket, folder, image);
    const restart = async (): Promise<void> => {
      await end(daemon);
      await start();
    };
    return { address: `unix://${socket}`, image, dataRoot, folder: mine, restart, stop };
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

async function startDaemon(
  folder: string,
  dataRoot: string,
  socket: string,
  bridge: string,
  hasPrivateMounts: boolean,
): Promise<ChildProcess> {
  const flags = [
    ...["--data-root", dataRoot, "--exec-root", join(folder, "exec"), "--pidfile", join(folder, "dockerd.pid")],
    ...["--host", `unix://${socket}`, "--storage-driver", "overlay2", "--log-level", "warn"],
    ...["--iptables=false", "--ip6tables=false", "--ip-masq=false", "--bridge", bridge],
    // An empty file: settings of the machine's own engine are not for this one.
    ...["--config-file", join(folder, "daemon.json")],
  ];
  await writeFile(join(folder, "daemon.json"), "{}");
  const log = await open(join(folder, "dockerd.log"), "a");
  const namespace = hasPrivateMounts ? ["unshare", "--mount", "--propagation", "private"] : [];
  // The engine goes down with a test process that is killed.
  const [program = "", ...args] = ["setpriv", "--pdeathsig", "TERM", ...namespace, "dockerd", ...flags];
  const daemon = spawn(program, args, { stdio: ["ignore", log.fd, log.fd] });
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
      if (hasEnded || clock.monotonic() - start > seconds(60)) {
        const lines = (await readFile(logFile, "utf8")).trim().split("\n").slice(-15).join("\n");
        throw failedPrecondition(`dockerd ${hasEnded ? "ended" : "did not answer within 60 s"}:\n${lines}`, { cause });
      }
      await clock.sleep(milliseconds(50));
    }
  }
}

async function end(daemon: ChildProcess | undefined): Promise<void> {
  if (daemon === undefined || daemon.exitCode !== null || daemon.signalCode !== null) return;
  const exited = new Promise<void>((resolve) => daemon.once("exit", () => resolve()));
  daemon.kill("SIGTERM");
  const patience = clock.timer(seconds(30), () => daemon.kill("SIGKILL"));
  await exited;
  patience.cancel();
}

async function makeBridge(name: string): Promise<void> {
  // One of 512 networks of the range for benchmarks, which nobody routes (RFC 2544); the name is as random as the folder.
  const number = [...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 512, 7);
  const address = `198.${18 + Math.floor(number / 256)}.${number % 256}.1/24`;
  await run("ip", ["link", "add", name, "type", "bridge"]);
  await run("ip", ["address", "add", address, "dev", name]);
  await run("ip", ["link", "set", name, "up"]);
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

const applets = [
  "sh",
  "sleep",
  "echo",
  "cat",
  "true",
  "false",
  "stat",
  "ls",
  "id",
  "env",
  "nc",
  "hostname",
  "mount",
  "touch",
  "rm",
];

async function importBusybox(socket: string, folder: string, image: string): Promise<void> {
  const root = join(folder, "busybox");
  await mkdir(join(root, "bin"), { recursive: true });
  for (const name of ["etc", "tmp", "run", "proc", "sys", "dev"]) await mkdir(join(root, name));
  const { stdout } = await run("sh", ["-c", "command -v busybox"]);
  await copyFile(stdout.trim(), join(root, "bin/busybox"));
  await chmod(join(root, "bin/busybox"), 0o755);
  for (const applet of applets) await symlink("busybox", join(root, "bin", applet));
  const archive = join(folder, "busybox.tar");
  await run("tar", ["--numeric-owner", "--owner=0", "--group=0", "-C", root, "-cf", archive, "."]);
  const docker = new Dockerode({ socketPath: socket, host: undefined });
  const [repo = "", tag = ""] = image.split(":");
  await new Promise<void>((resolve, reject) => {
    docker.importImage(archive, { repo, tag, changes: "CMD sh" }, (refused, report) => {
      if (report === undefined) reject(refused);
      else docker.modem.followProgress(report, (error) => (error === null ? resolve() : reject(error)));
    });
  });
  await rm(root, { recursive: true });
  await rm(archive);
}
