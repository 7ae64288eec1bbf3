// One daemon as a process of its own, as a user runs it: flags in, sockets and a log out, signals to end it.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Channel, type ClientOf, openUnixChannel } from "@mswarm/rpc";
import { failedPrecondition, isSwarmError, seconds, systemClock } from "@mswarm/runtime";
import type { Handlers, mswarm } from "@mswarm/wire";
import { eventually, patience } from "./eventually.ts";
import type { TestMachine } from "./test-network.ts";

const pathOf = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const clock = systemClock();

/** What users run; the sources where a hook is to change them. */
function daemonCommand(hook: string | undefined): readonly string[] {
  if (hook === undefined) return [pathOf("../../mswarm"), "daemon"];
  return [process.execPath, `--import=${hook}`, "--conditions=mswarm-source", pathOf("daemon-main.ts")];
}

export interface DaemonSettings {
  /** Also its hostname. */
  readonly name: string;
  /** Its own: in 127.0.0.0/8, or of a test network. */
  readonly address: string;
  /** Where its manager listens on that address. */
  readonly port: number;
  /** Of the Docker Engine, `unix://…`. */
  readonly engine: string;
  /** The daemon's own; short, because a socket path has at most 107 bytes. */
  readonly folder: string;
  /** Label that its containers carry. */
  readonly lab: string;
  /** Generic resources that its node offers, such as `gpu=a,gpu=b`; not with a hook. */
  readonly genericResources?: string;
  /** Where it runs, with a network of its own; on the host where absent. */
  readonly machine?: TestMachine;
  /** Module that is imported before the daemon's own, which then runs from the sources. */
  readonly hook?: string;
  /** `folder`/state where absent. */
  readonly stateDirectory?: string;
}

export class DaemonProcess {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** host:port of its manager. */
  readonly managerAddress: string;
  readonly stateDirectory: string;
  readonly controlPath: string;
  /** The socket of Docker's face. */
  readonly apiPath: string;
  /** Everything that all its runs logged, at debug level. */
  readonly logFile: string;
  readonly #settings: DaemonSettings;
  #process: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  #channel: Channel | undefined;

  constructor(settings: DaemonSettings) {
    const { name, address, port, folder } = settings;
    this.#settings = settings;
    this.name = name;
    this.address = address;
    this.port = port;
    this.managerAddress = `${address}:${port}`;
    this.stateDirectory = settings.stateDirectory ?? join(folder, "state");
    this.controlPath = join(folder, "run/control.sock");
    this.apiPath = join(folder, "run/docker.sock");
    this.logFile = join(folder, "daemon.log");
  }

  get isRunning(): boolean {
    return this.#process !== undefined && this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** 0 … 255, or the signal's name; undefined while it runs. */
  get exit(): number | string | undefined {
    return this.#process?.exitCode ?? this.#process?.signalCode ?? undefined;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Starts the process, without waiting for anything. */
  async spawn(): Promise<void> {
    const { name, folder, engine, address, lab, machine, hook, genericResources } = this.#settings;
    await mkdir(join(folder, "run"), { recursive: true });
    const flags = [
      `--state-dir=${this.stateDirectory}`,
      `--engine=${engine}`,
      `--api=unix://${this.apiPath}`,
      `--control=unix://${this.controlPath}`,
      `--hostname=${name}`,
      `--default-advertise-addr=${address}`,
      "--log-level=debug",
      `--publish-addr=${address}`,
      `--lab=${lab}`,
      ...(genericResources === undefined ? [] : [`--node-generic-resource=${genericResources}`]),
    ];
    const log = await open(this.logFile, "a", 0o600);
    // The daemon goes down with a test process that is killed.
    const args = ["--pdeathsig", "KILL", ...(machine?.enter ?? []), ...daemonCommand(hook), ...flags];
    const started = spawn("setpriv", args, { stdio: ["ignore", log.fd, log.fd], env: daemonEnvironment() });
    await log.close();
    this.#exited = new Promise((resolve) => started.once("exit", () => resolve()));
    this.#process = started;
    this.#channel = undefined;
  }

  /** Starts the process and waits until its control socket answers. */
  async start(): Promise<void> {
    await this.spawn();
    await this.answers();
  }

  /** Waits until the control socket answers. Errors: FAILED_PRECONDITION when the process ends instead. */
  async answers(): Promise<void> {
    const started = this.#process;
    const hasEnded = (): boolean => started?.exitCode !== null || started.signalCode !== null;
    await eventually(async () => {
      if (!hasEnded()) await this.status();
    });
    if (hasEnded()) {
      throw failedPrecondition(`the daemon ${this.name} has ended (${this.exit}):\n${await this.lastLines()}`);
    }
  }

  /** SIGKILL: as if the plug were pulled. Resolves when the process is gone. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** SIGSTOP or SIGCONT: a machine that hangs, its connections whole. */
  freeze(isFrozen: boolean): void {
    this.#process?.kill(isFrozen ? "SIGSTOP" : "SIGCONT");
  }

  /** SIGTERM; resolves when the process is gone, and kills one that does not go within 90 s. */
  async stop(): Promise<void> {
    const timer = clock.timer(seconds(90), () => this.#process?.kill("SIGKILL"));
    await this.#end("SIGTERM");
    timer.cancel();
  }

  /** Resolves when the process has ended, whyever. */
  async exited(): Promise<void> {
    await this.#exited;
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  /** `mswarm.v1.Daemon` on the control socket. */
  get daemon(): ClientOf<Handlers["mswarm.v1.Daemon"]> {
    return this.#open().client("mswarm.v1.Daemon");
  }

  /** `Control` on the control socket; answered by the leader, whichever manager this is. */
  get control(): ClientOf<Handlers["docker.swarmkit.v1.Control"]> {
    return this.#open().client("docker.swarmkit.v1.Control");
  }

  /** `mswarm.v1.Operations` on the control socket; answered by the leader too. */
  get operations(): ClientOf<Handlers["mswarm.v1.Operations"]> {
    return this.#open().client("mswarm.v1.Operations");
  }

  /** `Logs` on the control socket. */
  get logs(): ClientOf<Handlers["docker.swarmkit.v1.Logs"]> {
    return this.#open().client("docker.swarmkit.v1.Logs");
  }

  /** On a channel of its own, since one that failed pauses before it tries again. */
  async status(): Promise<mswarm.StatusResponse> {
    const channel = openUnixChannel(this.controlPath);
    try {
      return await channel.client("mswarm.v1.Daemon").Status({}, { timeout: seconds(5) });
    } finally {
      channel.close();
    }
  }

  async init(): Promise<string> {
    const addresses = { listenAddr: this.managerAddress, advertiseAddr: this.managerAddress };
    return (await this.daemon.Init(addresses, { timeout: patience })).nodeId ?? "";
  }

  /** Waits on when the daemon says, after 20 s, that it goes on joining. */
  async join(joinToken: string, remoteAddrs: readonly string[]): Promise<mswarm.JoinResponse> {
    const addresses = { listenAddr: this.managerAddress, advertiseAddr: this.managerAddress };
    const request = { ...addresses, joinToken, remoteAddrs: [...remoteAddrs] };
    try {
      return await this.daemon.Join(request, { timeout: patience });
    } catch (error) {
      if (!isSwarmError(error, "UNAVAILABLE") || !error.message.includes("in the background")) throw error;
      return await eventually(async () => {
        const { state, nodeId = "", isManager = false } = await this.status();
        if (state !== "ACTIVE") throw error;
        return { nodeId, isManager };
      });
    }
  }

  async nodeId(): Promise<string> {
    return (await this.status()).nodeId ?? "";
  }

  async lastLines(count = 15): Promise<string> {
    return (await readFile(this.logFile, "utf8")).trim().split("\n").slice(-count).join("\n");
  }

  async #end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    this.#channel?.close();
    this.#channel = undefined;
    if (this.isRunning) this.#process?.kill(signal);
    await this.#exited;
  }

  #open(): Channel {
    this.#channel ??= openUnixChannel(this.controlPath);
    return this.#channel;
  }
}

/** Settings of the user's own daemon must not reach those of a test. */
function daemonEnvironment(): NodeJS.ProcessEnv {
  const foreign = /^(MSWARM_|DOCKER_|NODE_OPTIONS$|VITEST)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}
