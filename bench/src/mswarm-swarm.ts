// mswarm as users start it: daemons as separate processes on loopback addresses, with private engines.
import { type ChildProcess, spawn } from "node:child_process";
import { access, mkdtemp, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openUnixChannel } from "@mswarm/rpc";
import { seconds } from "@mswarm/runtime";
import { PrivateDockerd, PrivateNetwork } from "./private-dockerd.ts";
import { residentBytesOf, type Swarm, type SwarmNode } from "./swarm.ts";
import { clock, until } from "./waiting.ts";

export interface MswarmOptions {
  /** Root of the built checkout; this one where absent. */
  readonly root: string | undefined;
  /** Flags of node for the daemons, to profile them, in place of those that ./mswarm gives. */
  readonly nodeFlags: readonly string[];
  readonly logLevel: string;
  /** Leaves the folders of the daemons, with their logs. */
  readonly isKept: boolean;
}

const ownRoot = fileURLToPath(new URL("../..", import.meta.url));

/** @param imageArchive  a tar for `docker import` */
export async function mswarmSwarm(imageArchive: string, options: MswarmOptions): Promise<Swarm> {
  const network = await PrivateNetwork.open();
  let shared: PrivateDockerd | undefined;
  let count = 0;
  return {
    name: "mswarm",
    image: "bench:latest",
    start: async (choice) => {
      count += 1;
      if (choice === "own") {
        const engine = await PrivateDockerd.start(network, imageArchive);
        return await MswarmNode.start(count, { engine, isOwn: true }, options);
      }
      shared ??= await PrivateDockerd.start(network, imageArchive);
      return await MswarmNode.start(count, { engine: shared, isOwn: false }, options);
    },
    close: async () => {
      await shared?.destroy();
      network.close();
    },
  };
}

interface NodeEngine {
  readonly engine: PrivateDockerd;
  /** It ends with the node. */
  readonly isOwn: boolean;
}

class MswarmNode implements SwarmNode {
  readonly address: string;
  readonly controlPath: string;
  readonly apiPath: string;
  readonly enginePath: string;
  readonly #ownEngine: PrivateDockerd | undefined;
  readonly #folder: string;
  readonly #process: ChildProcess;
  readonly #isKept: boolean;

  private constructor(
    host: string,
    folder: string,
    daemon: ChildProcess,
    { engine, isOwn }: NodeEngine,
    isKept: boolean,
  ) {
    this.#ownEngine = isOwn ? engine : undefined;
    this.enginePath = engine.socketPath;
    this.apiPath = join(folder, "a.sock");
    this.address = `${host}:2377`;
    this.#folder = folder;
    this.controlPath = join(folder, "c.sock");
    this.#process = daemon;
    this.#isKept = isKept;
  }

  static async start(number: number, of: NodeEngine, options: MswarmOptions): Promise<MswarmNode> {
    const folder = await mkdtemp("/tmp/msb-");
    const host = `127.0.77.${number}`;
    const log = await open(join(folder, "log"), "a");
    const [command = "", ...before] = commandOf(options, number);
    const daemon = spawn(
      command,
      [
        ...before,
        "daemon",
        `--state-dir=${join(folder, "state")}`,
        `--engine=${of.engine.address}`,
        `--control=unix://${join(folder, "c.sock")}`,
        `--api=unix://${join(folder, "a.sock")}`,
        `--hostname=m${number}`,
        `--default-advertise-addr=${host}`,
        `--log-level=${options.logLevel}`,
        "--lab=bench",
      ],
      { stdio: ["ignore", log.fd, log.fd] },
    );
    await log.close();
    // Whatever ends the bench ends its daemons.
    process.once("exit", () => daemon.kill("SIGKILL"));
    const node = new MswarmNode(host, folder, daemon, of, options.isKept);
    await until(`the daemon on ${host} answers`, 20_000, () => node.#answers());
    return node;
  }

  async #answers(): Promise<boolean> {
    if (this.#hasEnded) throw new Error(`the daemon has ended; its log: ${this.#folder}/log`);
    try {
      // A connection costs more than a look at the file.
      await access(this.controlPath);
      await this.#daemon((client) => client.Status({}, { timeout: seconds(20) }));
      return true;
    } catch {
      return false;
    }
  }

  get #hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  async #daemon<R>(use: (daemon: ReturnType<typeof daemonClient>) => Promise<R>): Promise<R> {
    const channel = openUnixChannel(this.controlPath, { clock });
    try {
      return await use(daemonClient(channel));
    } finally {
      channel.close();
    }
  }

  async init(): Promise<void> {
    const request = { listenAddr: this.address, advertiseAddr: this.address };
    await this.#daemon((daemon) => daemon.Init(request, { timeout: seconds(60) }));
  }

  async join(joinToken: string, { address }: SwarmNode): Promise<void> {
    const request = { listenAddr: this.address, advertiseAddr: this.address, joinToken, remoteAddrs: [address] };
    await this.#daemon((daemon) => daemon.Join(request, { timeout: seconds(60) }));
  }

  async kill(): Promise<void> {
    await this.#end("SIGKILL");
    await this.#ownEngine?.kill();
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#hasEnded) return;
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill(signal);
    await ended;
  }

  async residentBytes(): Promise<number> {
    return await residentBytesOf(this.#process.pid ?? 0);
  }

  async destroy(): Promise<void> {
    // node writes its profile when it ends by itself.
    await this.#end(this.#isKept ? "SIGTERM" : "SIGKILL");
    await this.#ownEngine?.destroy();
    if (!this.#isKept) await rm(this.#folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}

function commandOf({ root = ownRoot, nodeFlags }: MswarmOptions, number: number): readonly string[] {
  if (nodeFlags.length === 0) return [join(root, "mswarm")];
  const flags = nodeFlags.map((flag) => flag.replaceAll("%n", String(number)));
  return [process.execPath, ...flags, join(root, "packages/cli/dist/main.js")];
}

const daemonClient = (channel: ReturnType<typeof openUnixChannel>) => channel.client("mswarm.v1.Daemon");
