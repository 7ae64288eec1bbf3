import { createServer } from "node:net";
import type { TransportListener } from "@mswarm/raft";
import { type BoundService, bindService, type Channel, roles } from "@mswarm/rpc";
import { createTestAuthority, type Loopback, startLoopback, testManager } from "@mswarm/rpc/testing";
import { milliseconds, silentLogger } from "@mswarm/runtime";
import { SeededRandom, SimulatedClock } from "@mswarm/runtime/simulated";
import { afterEach, expect, test } from "vitest";
import { Peer } from "./peer.ts";

const patient = { timeout: 8_000, interval: 5 };
const member = { raftId: "2", nodeId: "m2", address: "10.0.0.2:2377" };
const managers = roles("swarm-manager");
const authority = await createTestAuthority();
const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const services: readonly BoundService[] = [
  bindService(
    "mswarm.v1.Peer",
    { Hello: async () => ({ version: "test" }), AnnounceLeave: async () => ({}), RetractJoin: async () => ({}) },
    { Hello: managers, AnnounceLeave: managers, RetractJoin: managers },
  ),
  bindService(
    "mswarm.v1.RaftTransport",
    {
      Stream: async (batches) => {
        for await (const _batch of batches);
        return {};
      },
    },
    { Stream: managers },
  ),
];

async function startMember(): Promise<Loopback> {
  const loopback = await startLoopback({ authority, server: testManager(member.nodeId), services });
  cleanups.push(() => loopback.close());
  return loopback;
}

/** A port where connections are taken and nothing is ever said: as where packets are lost. */
async function silentPort(): Promise<number> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    cleanups.push(() => void socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => void server.close());
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

const listener: TransportListener = {
  step: () => undefined,
  reportUnreachable: () => undefined,
  reportDisconnected: () => undefined,
  reportSnapshot: () => undefined,
  reportRemoved: () => undefined,
  reportRefused: () => undefined,
};

/** Pauses are as long as they can be. */
class LongPauses extends SeededRandom {
  override fraction(): number {
    return 0.99;
  }
}

/** A peer whose clock stands still: what happens does not happen because time has passed. */
function peerOf(
  openChannel: () => Channel,
  told: Partial<TransportListener> & { readonly regained?: () => void } = {},
): { peer: Peer; clock: SimulatedClock } {
  const clock = new SimulatedClock();
  const peer = new Peer(member, {
    openChannel,
    clock,
    random: new LongPauses(1),
    log: silentLogger(),
    greeting: () => ({ version: "test" }),
    listener: () => ({ ...listener, ...told }),
    regained: () => told.regained?.(),
  });
  cleanups.push(() => peer.close());
  return { peer, clock };
}

test("a member that speaks is tried at once, instead of after the pause between two attempts", async () => {
  const gone = await startMember();
  const channel = await gone.channel(testManager("m1"));
  await gone.server.close();
  let [tries, failures] = [0, 0];
  const openChannel = (): Channel => {
    tries += 1;
    return channel;
  };
  const reportUnreachable = (): void => {
    failures += 1;
  };
  const { peer, clock } = peerOf(openChannel, { reportUnreachable });
  // Pauses of 99, 198 and 396 ms: the third is longer than an attempt is left alone.
  for (const [count, span] of [100, 200, 300].entries()) {
    await expect.poll(() => failures, patient).toBe(count + 1);
    await clock.advance(milliseconds(span));
  }
  expect(tries).toBe(3);
  peer.heard();
  await expect.poll(() => tries, patient).toBe(4);
  expect(clock.monotonic()).toBe(600);
});

test("an attempt that is stuck is given up when the member speaks", async () => {
  const port = await silentPort();
  const loopback = await startMember();
  const stuck = await loopback.channel(testManager("m1"), { address: `127.0.0.1:${port}` });
  const there = await loopback.channel(testManager("m1"));
  let tries = 0;
  const { peer, clock } = peerOf(() => {
    tries += 1;
    return tries === 1 ? stuck : there;
  });
  await clock.advance(milliseconds(249));
  peer.heard();
  await clock.advance(milliseconds(0));
  expect(tries).toBe(1);
  await clock.advance(milliseconds(1));
  peer.heard();
  await expect.poll(() => peer.isActive, patient).toBe(true);
  expect(tries).toBe(2);
});

test("it is told when contact that was lost is back, and not of the first one", async () => {
  const loopback = await startMember();
  const channels = await Promise.all([1, 2].map(() => loopback.channel(testManager("m1"))));
  const [first, second] = channels;
  if (first === undefined || second === undefined) throw expect.fail("two channels");
  let tries = 0;
  const openChannel = (): Channel => {
    tries += 1;
    return tries === 1 ? first : second;
  };
  let count = 0;
  const regained = (): void => {
    count += 1;
  };
  const { peer, clock } = peerOf(openChannel, { regained });
  await expect.poll(() => peer.isActive, patient).toBe(true);
  expect(count).toBe(0);
  first.close();
  await expect.poll(() => peer.isActive, patient).toBe(false);
  await clock.advance(milliseconds(200));
  await expect.poll(() => peer.isActive, patient).toBe(true);
  expect(count).toBe(1);
});
