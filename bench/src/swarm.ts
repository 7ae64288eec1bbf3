// What the bench asks of a swarm, whoever built it: mswarm and Docker implement it, one client program measures both.
import { type Channel, type ClientOf, openUnixChannel } from "@mswarm/rpc";
import { milliseconds, seconds, systemClock } from "@mswarm/runtime";
import type { Handlers } from "@mswarm/wire";

export type Control = ClientOf<Handlers["docker.swarmkit.v1.Control"]>;

/** One started daemon that belongs to no cluster yet. */
export interface SwarmNode {
  readonly name: string;
  /** gRPC control socket; SwarmKit's services are there while the node is a manager. */
  readonly controlPath: string;
  init(): Promise<void>;
  join(token: string, manager: SwarmNode): Promise<void>;
  /** host:port that others join by. */
  readonly address: string;
  kill(): Promise<void>;
  /** Bytes of resident memory of the daemon's process. */
  residentBytes(): Promise<number>;
  /** Ends it and removes everything it left. */
  destroy(): Promise<void>;
}

export interface Swarm {
  readonly name: "mswarm" | "docker";
  /** Starts a daemon and waits until it answers. */
  start(): Promise<SwarmNode>;
  /** An image with a shell, on every node. */
  readonly image: string;
}

export const clock = systemClock();

export async function withControl<R>(
  node: SwarmNode,
  use: (control: Control, channel: Channel) => Promise<R>,
): Promise<R> {
  const channel = openUnixChannel(node.controlPath, { clock });
  try {
    return await use(channel.client("docker.swarmkit.v1.Control"), channel);
  } finally {
    channel.close();
  }
}

export async function tokensOf(node: SwarmNode): Promise<{ manager: string; worker: string }> {
  return await withControl(node, async (control) => {
    const { clusters = [] } = await control.ListClusters({}, { timeout: seconds(20) });
    const tokens = clusters[0]?.rootCa?.joinTokens;
    return { manager: tokens?.manager ?? "", worker: tokens?.worker ?? "" };
  });
}

/** Waits for a condition, looking every 5 ms; fails after `within` ms. */
export async function until(what: string, within: number, condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + within;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${within} ms: ${what}`);
    await clock.sleep(milliseconds(5));
  }
}
