// A private engine for mswarm's nodes, set up as the engines of the Docker side are.
import { execFile, spawn } from "node:child_process";
import { mkdtemp, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { until } from "./swarm.ts";

const run = promisify(execFile);
const bridge = "msbeng0";

export interface BenchEngine {
  readonly address: string;
  readonly image: string;
  stop(): Promise<void>;
}

/** @param imageArchive  a tar for `docker import` */
export async function startEngine(imageArchive: string): Promise<BenchEngine> {
  const folder = await mkdtemp("/tmp/msb-");
  const address = `unix://${folder}/s`;
  await run("ip", ["link", "add", bridge, "type", "bridge"]);
  await run("ip", ["addr", "add", "198.18.78.1/24", "dev", bridge]);
  await run("ip", ["link", "set", bridge, "up"]);
  const log = await open(join(folder, "log"), "a");
  const daemon = spawn(
    "dockerd",
    [
      "--data-root",
      `${folder}/d`,
      "--exec-root",
      `${folder}/e`,
      "--pidfile",
      `${folder}/p`,
      "-H",
      address,
      "--bridge",
      bridge,
      "--iptables=false",
      "--ip-masq=false",
      "--log-level",
      "warn",
    ],
    { stdio: ["ignore", log.fd, log.fd] },
  );
  await log.close();
  const docker = (...args: string[]) => run("docker", ["-H", address, ...args]);
  await until("the engine answers", 60_000, () =>
    docker("version").then(
      () => true,
      () => false,
    ),
  );
  await docker("import", imageArchive, "bench:latest");
  return {
    address,
    image: "bench:latest",
    stop: async () => {
      const { stdout } = await docker("ps", "-aq");
      const ids = stdout.split("\n").filter((id) => id !== "");
      if (ids.length > 0) await docker("rm", "-f", ...ids);
      const ended = new Promise((resolve) => daemon.once("exit", resolve));
      daemon.kill("SIGTERM");
      await ended;
      await run("ip", ["link", "delete", bridge]);
      await run("sh", ["-c", `umount -l $(grep -o '${folder}[^ ]*' /proc/mounts) 2>/dev/null; true`]);
      await rm(folder, { recursive: true, force: true }).catch(() => undefined);
    },
  };
}
