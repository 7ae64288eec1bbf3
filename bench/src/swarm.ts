// What the bench asks of a swarm, whoever built it: mswarm and Docker implement it, one client program measures both.
import { readFile } from "node:fs/promises";
import { type ClientOf, openUnixChannel } from "@mswarm/rpc";
import { seconds } from "@mswarm/runtime";
import type { Handlers } from "@mswarm/wire";
import { clock, until } from "./waiting.ts";

export type Control = ClientOf<Handlers["docker.swarmkit.v1.Control"]>;

/** One started daemon that belongs to no cluster yet. */
export interface SwarmNode {
  /** gRPC control socket; SwarmKit's services are there while the node is a manager. */
  readonly controlPath: string;
  /** Unix socket of Docker's API on this node. */
  readonly apiPath: string;
  /** Unix socket of the engine that runs this node's containers; real Docker's is the same as `apiPath`. */
  readonly enginePath: string;
  init(): Promise<void>;
  join(token: string, manager: SwarmNode): Promise<void>;
  /** host:port that others join by. */
  readonly address: string;
  /** As if its plug were pulled: the daemon, and the engine with its containers where it is this node's own. */
  kill(): Promise<void>;
  /** Bytes of resident memory of the daemon's process. */
  residentBytes(): Promise<number>;
  /** Ends it and removes everything it left. */
  destroy(): Promise<void>;
}

/** Whether the containers of all nodes are in one engine. */
export type EngineChoice = "shared" | "own";

export interface Swarm {
  readonly name: "mswarm" | "docker";
  /** Starts a daemon and waits until it answers. Real Docker's nodes always have their own engine. */
  start(engine: EngineChoice): Promise<SwarmNode>;
  /** An image with a shell, on every node. */
  readonly image: string;
  close(): Promise<void>;
}

export async function withControl<R>(node: SwarmNode, use: (control: Control) => Promise<R>): Promise<R> {
  const channel = openUnixChannel(node.controlPath, { clock });
  try {
    return await use(channel.client("docker.swarmkit.v1.Control"));
  } finally {
    channel.close();
  }
}

export async function tokensOf(control: Control): Promise<{ manager: string; worker: string }> {
  const { clusters = [] } = await control.ListClusters({}, { timeout: seconds(20) });
  const { manager = "", worker = "" } = clusters[0]?.rootCa?.joinTokens ?? {};
  return { manager, worker };
}

export async function untilReady(control: Control, count: number): Promise<void> {
  await until(`${count} nodes are ready`, 60_000, async () => {
    const { nodes = [] } = await control.ListNodes({}, { timeout: seconds(5) });
    return nodes.filter((node) => node.status?.state === "READY").length === count;
  });
}

/** VmRSS of a process. */
export async function residentBytesOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) * 1024;
}
