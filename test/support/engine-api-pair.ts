// A stock Docker swarm and an mswarm, each alone on a machine of its own, asked the same questions.
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { DaemonProcess } from "./daemon-process.ts";
import { type DockerEngine, type EngineVersion, startDockerEngine } from "./docker-engine.ts";
import { askOverUnix, type HttpAnswer, type HttpQuestion } from "./http-over-unix.ts";
import { mountsBelow } from "./test-cluster.ts";
import { TestNetwork } from "./test-network.ts";

const run = promisify(execFile);

export interface Side {
  readonly name: "docker" | "mswarm";
  /** Where its swarm listens, `host:port`. */
  readonly listenAddress: string;
  /** Its manager's own socket, where the objects are shown as they are stored. */
  readonly controlSocket: string;
  /** Of the Engine API. */
  readonly socketPath: string;
  ask(question: HttpQuestion): Promise<HttpAnswer>;
}

export interface EngineApiPair {
  readonly docker: Side;
  readonly mswarm: Side;
  /** The newest of both: `1.41`. */
  readonly apiVersion: string;
  /** There on both. */
  readonly image: string;
  /** The process of mswarm's daemon. */
  readonly daemon: DaemonProcess;
  stop(): Promise<void>;
}

/** Both are in no swarm. @param version  of both engines; the machine's own where absent */
export async function startEngineApiPair(version?: EngineVersion): Promise<EngineApiPair> {
  const started: { stop(): Promise<void> }[] = [];
  const stop = async (): Promise<void> => {
    for (const each of started.splice(0).reverse()) await each.stop();
  };
  try {
    const network = await TestNetwork.start();
    started.push(network);
    const engines: DockerEngine[] = [];
    const machines = [await network.machine("docker"), await network.machine("mswarm")] as const;
    for (const machine of machines) {
      const engine = await startDockerEngine({ machine, ...(version === undefined ? {} : { version }) });
      started.push(engine);
      engines.push(engine);
    }
    const [real, own] = engines as [DockerEngine, DockerEngine];
    const folder = await mkdtemp("/tmp/msp-");
    started.push({ stop: () => removeFolder(folder) });
    const [, machine] = machines;
    const settings = {
      name: "mswarm",
      address: machine.address,
      port: 2377,
      engine: own.address,
      folder,
      lab: "parity",
    };
    const daemon = new DaemonProcess({ ...settings, machine });
    started.push(daemon);
    await daemon.start();
    const side = (name: Side["name"], address: string, socket: string, controlSocket: string): Side => ({
      name,
      controlSocket,
      socketPath: socket,
      listenAddress: `${address}:2377`,
      ask: (question) => askOverUnix(socket, question),
    });
    const socket = real.address.replace("unix://", "");
    const { headers } = await askOverUnix(socket, { method: "GET", path: "/_ping" });
    return {
      apiVersion: String(headers["api-version"]),
      docker: side("docker", machines[0].address, socket, join(dirname(socket), "exec/swarm/control.sock")),
      mswarm: side("mswarm", machine.address, join(folder, "run/docker.sock"), daemon.controlPath),
      image: real.image,
      daemon,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Its secrets lie on a tmpfs, which outlives the daemon. */
async function removeFolder(folder: string): Promise<void> {
  for (const point of await mountsBelow(folder)) await run("umount", ["--lazy", point]);
  await rm(folder, { recursive: true, force: true });
}
