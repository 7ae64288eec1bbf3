// mswarm as built: daemons as separate processes on loopback addresses, one shared engine.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openUnixChannel } from "@mswarm/rpc";
import { seconds } from "@mswarm/runtime";
import { clock, type Swarm, type SwarmNode, until } from "./swarm.ts";

const mainScript = fileURLToPath(new URL("../../packages/cli/dist/main.js", import.meta.url));

export function mswarmSwarm(engine: { readonly address: string; readonly image: string }): Swarm {
  let count = 0;
  return {
    name: "mswarm",
    image: engine.image,
    start: async () => {
      count += 1;
      return await MswarmNode.start(`m${count}`, `127.0.77.${count}`, engine.address);
    },
  };
}

class MswarmNode implements SwarmNode {
  readonly name: string;
  readonly address: string;
  readonly controlPath: string;
  readonly #folder: string;
  readonly #process: ChildProcess;

  private constructor(name: string, address: string, folder: string, process: ChildProcess) {
    this.name = name;
    this.address = `${address}:2377`;
    this.#folder = folder;
    this.controlPath = join(folder, "c.sock");
    this.#process = process;
  }

  static async start(name: string, address: string, engine: string): Promise<MswarmNode> {
    const folder = await mkdtemp("/tmp/msb-");
    await mkdir(join(folder, "state"));
    const log = await open(join(folder, "log"), "a");
    const daemon = spawn(
      process.execPath,
      [
        mainScript,
        "daemon",
        `--state-dir=${join(folder, "state")}`,
        `--engine=${engine}`,
        `--control=unix://${join(folder, "c.sock")}`,
        `--api=unix://${join(folder, "a.sock")}`,
        `--hostname=${name}`,
        `--default-advertise-addr=${address}`,
        "--lab=bench",
      ],
      { stdio: ["ignore", log.fd, log.fd] },
    );
    await log.close();
    const node = new MswarmNode(name, address, folder, daemon);
    await until(`${name} answers`, 20_000, () => node.#answers());
    return node;
  }

  async #answers(): Promise<boolean> {
    const channel = openUnixChannel(this.controlPath, { clock });
    try {
      await channel.client("mswarm.v1.Daemon").Status({}, { timeout: seconds(1) });
      return true;
    } catch {
      return false;
    } finally {
      channel.close();
    }
  }

  async init(): Promise<void> {
    const channel = openUnixChannel(this.controlPath, { clock });
    await channel
      .client("mswarm.v1.Daemon")
      .Init({ listenAddr: this.address, advertiseAddr: this.address }, { timeout: seconds(60) });
    channel.close();
  }

  async join(token: string, manager: SwarmNode): Promise<void> {
    const channel = openUnixChannel(this.controlPath, { clock });
    await channel
      .client("mswarm.v1.Daemon")
      .Join(
        { listenAddr: this.address, advertiseAddr: this.address, joinToken: token, remoteAddrs: [manager.address] },
        { timeout: seconds(60) },
      );
    channel.close();
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
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true }).catch(() => undefined);
  }
}

/** VmRSS of a process. */
export async function residentBytesOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) * 1024;
}
