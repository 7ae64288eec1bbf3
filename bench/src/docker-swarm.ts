// Docker's swarm mode: one dockerd per node, each in its own network namespace (its own ports 7946 and 4789) and with its own
// /var/run/docker, all on one bridge.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { access, mkdtemp, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { residentBytesOf } from "./mswarm-swarm.ts";
import { type Swarm, type SwarmNode, until } from "./swarm.ts";

const run = promisify(execFile);
const bridge = "msbench0";
const network = "198.18.77";

/** @param imageArchive  a tar for `docker import` */
export async function dockerSwarm(imageArchive: string): Promise<Swarm & { close(): Promise<void> }> {
  await run("ip", ["link", "add", bridge, "type", "bridge"]);
  await run("ip", ["addr", "add", `${network}.254/24`, "dev", bridge]);
  await run("ip", ["link", "set", bridge, "up"]);
  let count = 0;
  return {
    name: "docker",
    image: "bench:latest",
    start: async () => {
      count += 1;
      return await DockerNode.start(count, imageArchive);
    },
    close: async () => {
      await run("ip", ["link", "delete", bridge]);
    },
  };
}

class DockerNode implements SwarmNode {
  readonly name: string;
  readonly address: string;
  readonly controlPath: string;
  readonly #folder: string;
  readonly #namespace: string;
  readonly #process: ChildProcess;

  private constructor(name: string, host: string, folder: string, daemon: ChildProcess) {
    this.name = name;
    this.address = `${host}:2377`;
    this.#folder = folder;
    this.#namespace = `msb-${name}`;
    this.controlPath = join(folder, "e/swarm/control.sock");
    this.#process = daemon;
  }

  static async start(number: number, imageArchive: string): Promise<DockerNode> {
    const name = `d${number}`;
    const host = `${network}.${number}`;
    const namespace = `msb-${name}`;
    const folder = await mkdtemp("/tmp/msb-");
    await run("ip", ["netns", "add", namespace]);
    await run("ip", ["link", "add", `msb${number}`, "type", "veth", "peer", "name", "eth0", "netns", namespace]);
    await run("ip", ["link", "set", `msb${number}`, "master", bridge, "up"]);
    const inside = ["netns", "exec", namespace, "ip"];
    await run("ip", [...inside, "addr", "add", `${host}/24`, "dev", "eth0"]);
    await run("ip", [...inside, "link", "set", "eth0", "up"]);
    await run("ip", [...inside, "link", "set", "lo", "up"]);
    const log = await open(join(folder, "log"), "a");
    const dockerd = [
      "mount -t tmpfs tmpfs /var/run/docker 2>/dev/null || { mkdir -p /var/run/docker && mount -t tmpfs tmpfs /var/run/docker; }",
      `exec dockerd --data-root ${folder}/d --exec-root ${folder}/e --pidfile ${folder}/p -H unix://${folder}/s --iptables=false --ip-masq=false --log-level warn`,
    ].join("; ");
    const daemon = spawn("ip", ["netns", "exec", namespace, "unshare", "-m", "sh", "-c", dockerd], {
      stdio: ["ignore", log.fd, log.fd],
    });
    await log.close();
    const node = new DockerNode(name, host, folder, daemon);
    await until(`${name} answers`, 60_000, async () =>
      node.#docker("version").then(
        () => true,
        () => false,
      ),
    );
    await node.#docker("import", imageArchive, "bench:latest");
    return node;
  }

  async #docker(...args: string[]): Promise<string> {
    return (await run("docker", ["-H", `unix://${this.#folder}/s`, ...args])).stdout;
  }

  async init(): Promise<void> {
    await this.#docker("swarm", "init", "--advertise-addr", this.address.replace(/:.*/, ""));
    await until("control socket", 10_000, () =>
      access(this.controlPath).then(
        () => true,
        () => false,
      ),
    );
  }

  async join(token: string, manager: SwarmNode): Promise<void> {
    await this.#docker("swarm", "join", "--token", token, manager.address);
  }

  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGKILL");
    await ended;
  }

  async residentBytes(): Promise<number> {
    return await residentBytesOf(this.#process.pid ?? 0);
  }

  async destroy(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const ended = new Promise((resolve) => this.#process.once("exit", resolve));
      this.#process.kill("SIGTERM");
      await ended;
    }
    await run("sh", ["-c", `pkill -KILL -f ${this.#folder}; ip netns delete ${this.#namespace}; true`]);
    await rm(this.#folder, { recursive: true, force: true }).catch(() => undefined);
  }
}
