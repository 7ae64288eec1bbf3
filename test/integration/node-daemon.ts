// A daemon without its process: real state directory, sockets and TLS on loopback, an engine in memory.
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeEngine } from "@mswarm/engine/fake";
import type { Manager } from "@mswarm/manager";
import { type Channel, type ClientOf, openUnixChannel, type RpcServer } from "@mswarm/rpc";
import {
  type Clock,
  cryptoRandom,
  invariant,
  isSwarmError,
  milliseconds,
  silentLogger,
  systemClock,
} from "@mswarm/runtime";
import type { Handlers } from "@mswarm/wire";
import { expect } from "vitest";
import { parseHostPort } from "../../packages/node/src/addresses.ts";
import { createControlServer } from "../../packages/node/src/control-server.ts";
import type { DaemonOptions } from "../../packages/node/src/daemon-options.ts";
import { createEngineApiFace, type EngineApiFace } from "../../packages/node/src/engine-api-face.ts";
import { Membership } from "../../packages/node/src/membership.ts";
import { openStateDirectory, type StateDirectory } from "../../packages/node/src/state-directory.ts";

const random = cryptoRandom();
const subnet = `127.${2 + random.below(250)}.${1 + random.below(254)}`;
let lastHost = 10;
let lastPort = 30_000 + random.below(10_000);

/** Its own address in 127.0.0.0/8, with port; never given twice. */
export function freshAddress(): string {
  lastHost += 1;
  return `${subnet}.${lastHost}:2377`;
}

export class TestDaemon {
  readonly engine: FakeEngine = new FakeEngine();
  readonly folder: string;
  readonly address: string;
  /** Warnings and errors of all its runs, but for sessions that come and go. */
  readonly complaints: string[] = [];
  readonly #clock: Clock;
  /** For the next start. */
  hostname = "test";
  defaultAdvertiseAddress = "";
  #membership: Membership | undefined;
  #state: StateDirectory | undefined;
  #control: RpcServer | undefined;
  #face: EngineApiFace | undefined;
  #channel: Channel | undefined;

  private constructor(folder: string, address: string, clock: Clock) {
    this.folder = folder;
    this.address = address;
    this.#clock = clock;
  }

  static async create(options: { clock?: Clock; address?: string } = {}): Promise<TestDaemon> {
    const folder = await mkdtemp(join(tmpdir(), "mswn-"));
    return new TestDaemon(folder, options.address ?? freshAddress(), options.clock ?? systemClock());
  }

  get stateDirectory(): string {
    return join(this.folder, "state");
  }

  /** Where a test may serve the engine's own API; the daemon itself uses the engine in memory. */
  get enginePath(): string {
    return join(this.folder, "engine.sock");
  }

  /** Of the Engine API face; only there after `serveFace`. */
  get apiPath(): string {
    return join(this.folder, "docker.sock");
  }

  get membership(): Membership {
    invariant(this.#membership !== undefined, "the daemon runs");
    return this.#membership;
  }

  async start(): Promise<Membership> {
    const control = `unix://${join(this.folder, "control.sock")}`;
    const options: DaemonOptions = {
      stateDirectory: this.stateDirectory,
      engine: `unix://${this.enginePath}`,
      api: `unix://${this.apiPath}`,
      control,
      hostname: this.hostname,
      defaultAdvertiseAddress: this.defaultAdvertiseAddress,
      logLevel: "info",
      logFormat: "json",
    };
    const complain = (_fields: object, message: string): void => {
      if (message !== "no session with a manager") this.complaints.push(message);
    };
    const log = { ...silentLogger(), warn: complain, error: complain };
    const parts = { clock: this.#clock, random, log };
    this.#state = await openStateDirectory(this.stateDirectory);
    const membership = new Membership({ ...parts, options, state: this.#state, engine: this.engine });
    this.#membership = membership;
    await membership.load();
    this.#control = await createControlServer({ ...parts, membership, path: join(this.folder, "control.sock") });
    membership.resume();
    return membership;
  }

  /** Serves Docker's face until the daemon stops. */
  async serveFace(): Promise<void> {
    const { membership } = this;
    this.#face = await createEngineApiFace({ membership, clock: this.#clock, log: silentLogger() });
  }

  /** As SIGTERM does. */
  async stop(): Promise<void> {
    const [membership, control, state] = [this.#membership, this.#control, this.#state];
    this.#membership = undefined;
    await this.#face?.close(milliseconds(0));
    this.#face = undefined;
    this.#channel?.close();
    this.#channel = undefined;
    await membership?.stop();
    await control?.close(milliseconds(0));
    await state?.release();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async dispose(): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  init(): Promise<string> {
    return this.membership.init({ listenAddr: this.address, advertiseAddr: this.address }, never);
  }

  /** Joins the cluster of `manager`, with the token that it shows. */
  async join(
    manager: TestDaemon,
    role: "manager" | "worker",
    signal: AbortSignal = never,
  ): Promise<{ readonly nodeId?: string; readonly isManager?: boolean }> {
    const { address } = this;
    const joinToken = manager.joinTokens()[role];
    const request = { listenAddr: address, advertiseAddr: address, joinToken, remoteAddrs: [manager.address] };
    return await this.membership.join(request, signal);
  }

  joinTokens(): { readonly manager: string; readonly worker: string } {
    const manager = this.membership.manager();
    invariant(typeof manager !== "string", "the daemon runs a manager");
    const [cluster] = manager.store.save().clusters ?? [];
    const { manager: forManagers = "", worker = "" } = cluster?.rootCa?.joinTokens ?? {};
    return { manager: forManagers, worker };
  }

  /** `Control` of this daemon's manager, called as if it were the control socket. */
  get control(): ClientOf<Handlers["docker.swarmkit.v1.Control"]> {
    this.#channel ??= openUnixChannel(join(this.folder, "control.sock"));
    return this.#channel.client("docker.swarmkit.v1.Control");
  }

  get nodeId(): string {
    return this.membership.credentials?.identity.nodeId ?? "";
  }

  /** Its manager's own copy of the cluster's state. */
  get store(): Manager["store"] {
    const manager = this.membership.manager();
    invariant(typeof manager !== "string", "the daemon runs a manager");
    return manager.store;
  }

  /** Its Raft node. */
  get raft(): Manager["raft"] {
    const manager = this.membership.manager();
    invariant(typeof manager !== "string", "the daemon runs a manager");
    return manager.raft;
  }

  get isReady(): boolean {
    return this.#membership?.node?.manager?.isReady === true;
  }

  /** What `daemon.json` says. */
  async phase(): Promise<unknown> {
    return (JSON.parse(await readFile(this.#daemonFile, "utf8")) as { phase?: unknown }).phase;
  }

  /** As if the daemon had been killed when `phase` was the last that was written. */
  async setPhase(phase: string): Promise<void> {
    const settings = JSON.parse(await readFile(this.#daemonFile, "utf8")) as object;
    await writeFile(this.#daemonFile, JSON.stringify({ ...settings, phase }));
  }

  /** It belongs to nothing and keeps nothing. */
  async isUntouched(): Promise<void> {
    expect(this.membership.state).toEqual({ kind: "inactive" });
    expect(await readdir(this.stateDirectory)).toEqual([]);
  }

  get #daemonFile(): string {
    return join(this.stateDirectory, "daemon.json");
  }
}

/** The daemons of one test; `dispose` ends them all. */
export class TestDaemons {
  readonly #daemons: TestDaemon[] = [];
  readonly #servers: Server[] = [];
  readonly #sockets: Socket[] = [];

  /** Not started. */
  async created(): Promise<TestDaemon> {
    const daemon = await TestDaemon.create();
    this.#daemons.push(daemon);
    return daemon;
  }

  async running(): Promise<TestDaemon> {
    const daemon = await this.created();
    await daemon.start();
    return daemon;
  }

  /** As `running`; it listens everywhere, on a port of its own, and can therefore come back at another address. */
  async movable(): Promise<TestDaemon> {
    const { host } = parseHostPort(freshAddress());
    lastPort += 1;
    const daemon = await TestDaemon.create({ address: `${host}:${lastPort}` });
    daemon.defaultAdvertiseAddress = host;
    this.#daemons.push(daemon);
    await daemon.start();
    return daemon;
  }

  /** Another machine with a copy of a daemon's state; not started. */
  async copyOf(original: TestDaemon): Promise<TestDaemon> {
    const copy = await TestDaemon.create();
    this.#daemons.push(copy);
    await cp(original.stateDirectory, copy.stateDirectory, { recursive: true });
    // Its own machine has the same address; here there is one machine only.
    const file = join(copy.stateDirectory, "daemon.json");
    const settings = JSON.parse(await readFile(file, "utf8")) as object;
    await writeFile(file, JSON.stringify({ ...settings, listenAddress: copy.address }));
    return copy;
  }

  /** Accepts connections at an address and says nothing. */
  async silence(address: string): Promise<void> {
    const { host, port } = parseHostPort(address);
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      this.#sockets.push(socket);
    });
    this.#servers.push(server);
    await new Promise<void>((resolve) => server.listen(port, host, resolve));
  }

  async endSilence(): Promise<void> {
    for (const server of this.#servers.splice(0)) {
      const closed = new Promise((resolve) => server.once("close", resolve));
      for (const socket of this.#sockets.splice(0)) socket.destroy();
      server.close();
      await closed;
    }
  }

  /** Passes connections at one address on to another. */
  async relay(address: string, to: string): Promise<void> {
    const { host, port } = parseHostPort(address);
    const target = parseHostPort(to);
    const server = createServer((socket) => {
      const onward = connect(target.port, target.host);
      for (const end of [socket, onward]) {
        this.#sockets.push(end);
        end.on("error", () => undefined);
      }
      socket.pipe(onward).pipe(socket);
    });
    this.#servers.push(server);
    await new Promise<void>((resolve) => server.listen(port, host, resolve));
  }

  /** Stops all of them; their folders stay. */
  async stop(): Promise<void> {
    await Promise.all(this.#daemons.map((daemon) => daemon.stop()));
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#daemons.splice(0).map((daemon) => daemon.dispose()));
    await this.endSilence();
  }
}

/** `CODE: sentence` of a call that has to fail. */
export async function failureOf(call: Promise<unknown>): Promise<string> {
  return await call.then(
    () => "no failure",
    (error: unknown) => (isSwarmError(error) ? `${error.code}: ${error.message}` : String(error)),
  );
}

export const never: AbortSignal = new AbortController().signal;
