// Unary calls per second over mutual TLS on loopback, client and server in one process.
// node --conditions=mswarm-source bench/rpc-echo.ts [calls] [in flight]
import { bindService, roles } from "@mswarm/rpc";
import { startLoopback, testManager, testWorker } from "@mswarm/rpc/testing";
import { systemClock } from "@mswarm/runtime";

const calls = Number(process.argv[2] ?? 50_000);
const inFlight = Number(process.argv[3] ?? 32);

const health = bindService(
  "docker.swarmkit.v1.Health",
  { Check: async () => ({ status: "SERVING" }) },
  { Check: roles("swarm-worker", "swarm-manager") },
);

const loopback = await startLoopback({ services: [health], server: testManager() });
const channel = await loopback.channel(testWorker());
const client = channel.client("docker.swarmkit.v1.Health");

async function burst(count: number): Promise<number> {
  let left = count;
  const clock = systemClock();
  const start = clock.monotonic();
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await client.Check({ service: "Raft" });
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return (count * 1_000) / (clock.monotonic() - start);
}

await burst(5_000);
// On a busy machine the processor time says more than the rate.
const before = process.cpuUsage();
const rate = await burst(calls);
const { user, system } = process.cpuUsage(before);
const cpuMicrosecondsPerCall = Math.round((user + system) / calls);
const result = { bench: "rpc-echo", calls, inFlight, perSecond: Math.round(rate), cpuMicrosecondsPerCall };
process.stdout.write(`${JSON.stringify(result)}\n`);
await loopback.close();
