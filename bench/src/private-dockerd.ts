// A dockerd in namespaces of its own (network, mounts, processes), which end with its process: nothing has to be cleaned
// up but a folder, even when the bench itself is killed.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createReadStream } from "node:fs";
import { mkdtemp, open, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { promisify } from "node:util";
import { until } from "./waiting.ts";

const run = promisify(execFile);

/** The wire between private engines: a bridge in a network namespace that lives as long as the bench. */
export class PrivateNetwork {
  readonly #holder: ChildProcess;
  #count = 0;

  private constructor(holder: ChildProcess) {
    this.#holder = holder;
  }

  static async open(): Promise<PrivateNetwork> {
    // cat ends when the pipe from this process does.
    const network = new PrivateNetwork(spawn("unshare", ["--net", "cat"], { stdio: ["pipe", "ignore", "inherit"] }));
    await inNamespaceOfItsOwn(network.#holder);
    await network.#ip("link", "add", "br0", "type", "bridge");
    await network.#ip("link", "set", "br0", "up");
    return network;
  }

  /** Gives the namespace of a process an `eth0`; returns its address. */
  async attach(daemon: ChildProcess): Promise<string> {
    this.#count += 1;
    const port = `port${this.#count}`;
    const address = `198.18.77.${this.#count}`;
    const pid = String(daemon.pid);
    await this.#ip("link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", pid);
    await this.#ip("link", "set", port, "master", "br0", "up");
    const inside = ["--net", "--target", pid, "ip"];
    await run("nsenter", [...inside, "link", "set", "lo", "up"]);
    await run("nsenter", [...inside, "addr", "add", `${address}/24`, "dev", "eth0"]);
    await run("nsenter", [...inside, "link", "set", "eth0", "up"]);
    return address;
  }

  close(): void {
    this.#holder.kill("SIGKILL");
  }

  async #ip(...args: readonly string[]): Promise<void> {
    await run("nsenter", ["--net", "--target", String(this.#holder.pid), "ip", ...args]);
  }
}

async function inNamespaceOfItsOwn(child: ChildProcess): Promise<void> {
  const ours = await readlink("/proc/self/ns/net");
  await until("a network namespace", 5_000, async () => (await readlink(`/proc/${child.pid}/ns/net`)) !== ours);
}

export class PrivateDockerd {
  readonly folder: string;
  /** Of its `eth0`. */
  readonly host: string;
  readonly #process: ChildProcess;

  private constructor(folder: string, host: string, daemon: ChildProcess) {
    this.folder = folder;
    this.host = host;
    this.#process = daemon;
  }

  /** Resolves when it answers and has the image. */
  static async start(network: PrivateNetwork, imageArchive: string): Promise<PrivateDockerd> {
    const folder = await mkdtemp("/tmp/msb-");
    const log = await open(join(folder, "log"), "a");
    const script = [
      "until ip addr show dev eth0 up 2>/dev/null | grep -q inet; do sleep 0.01; done",
      "mkdir -p /run/docker && mount -t tmpfs tmpfs /run/docker",
      `exec dockerd --data-root ${folder}/d --exec-root ${folder}/e --pidfile ${folder}/p -H unix://${folder}/s --config-file ${folder}/none --iptables=false --ip-masq=false --log-level warn`,
    ].join(" && ");
    await writeFile(join(folder, "none"), "{}");
    const unshare = ["unshare", "--net", "--mount", "--propagation=slave", "--pid", "--fork", "--kill-child"];
    const daemon = spawn("setpriv", ["--pdeathsig", "KILL", ...unshare, "--mount-proc", "sh", "-c", script], {
      stdio: ["ignore", log.fd, log.fd],
      // Proxies of this machine would be asked for the registry.
      env: { PATH: process.env["PATH"] },
    });
    await log.close();
    try {
      await inNamespaceOfItsOwn(daemon);
      const dockerd = new PrivateDockerd(folder, await network.attach(daemon), daemon);
      await until("dockerd answers", 60_000, () => dockerd.answers());
      await dockerd.call("POST", "/images/create?fromSrc=-&repo=bench&tag=latest", createReadStream(imageArchive));
      return dockerd;
    } catch (error) {
      const text = await readFile(join(folder, "log"), "utf8");
      daemon.kill("SIGKILL");
      throw new Error(`dockerd did not start:\n${text.trim().split("\n").slice(-15).join("\n")}`, { cause: error });
    }
  }

  get address(): string {
    return `unix://${this.socketPath}`;
  }

  get socketPath(): string {
    return join(this.folder, "s");
  }

  async answers(): Promise<boolean> {
    return this.call("GET", "/_ping").then(
      () => true,
      () => false,
    );
  }

  /** One call of the Engine API. */
  async call(method: string, path: string, body?: object): Promise<string> {
    return await new Promise<string>((resolve, reject) => {
      const isStream = body !== undefined && "pipe" in body;
      const headers = body === undefined || isStream ? {} : { "content-type": "application/json" };
      const call = request({ socketPath: this.socketPath, method, path, headers }, (response) => {
        const status = response.statusCode ?? 0;
        buffer(response).then((bytes) => {
          const text = bytes.toString();
          if (status < 400) resolve(text);
          else reject(new Error(`${method} ${path}: ${status} ${text}`));
        }, reject);
      });
      call.on("error", reject);
      if (isStream) (body as NodeJS.ReadableStream).pipe(call);
      else call.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  /** Of dockerd, not of unshare, which only waits for it. */
  async pid(): Promise<number> {
    const outer = this.#process.pid;
    return Number((await readFile(`/proc/${outer}/task/${outer}/children`, "utf8")).trim());
  }

  /** Kills it and everything it has started. */
  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    // The first process of its namespace goes first: the kernel takes all others with it.
    process.kill(await this.pid(), "SIGKILL");
    await ended;
  }

  async destroy(): Promise<void> {
    await this.#removeContainers().catch(() => undefined);
    await this.kill();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }

  /** Containers that are merely killed leave their control groups behind. */
  async #removeContainers(): Promise<void> {
    const containers: unknown = JSON.parse(await this.call("GET", "/containers/json?all=1"));
    if (!Array.isArray(containers)) return;
    await Promise.all(containers.map(({ Id }) => this.call("DELETE", `/containers/${Id}?force=1`)));
  }
}
