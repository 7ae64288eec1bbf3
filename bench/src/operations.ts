// What is done to both systems and measured, by name of the figure.
import { milliseconds, seconds } from "@mswarm/runtime";
import { type Figures, measure, median, percentile, rateOf } from "./statistics.ts";
import { type Control, type SwarmNode, withControl } from "./swarm.ts";
import { clock, until } from "./waiting.ts";

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

export async function createSecrets(
  control: Control,
  of: { readonly prefix: string; readonly count: number; readonly callers: number },
): ReturnType<typeof measure> {
  return await measure(of.count, of.callers, (index) =>
    control.CreateSecret(
      { spec: { annotations: { name: `${of.prefix}-${index}` }, data: Buffer.alloc(256, 7) } },
      { timeout: seconds(30) },
    ),
  );
}

export async function secretRates(
  figures: Figures,
  control: Control,
  of: { readonly managers: number; readonly counts: ReadonlyMap<number, number> },
): Promise<void> {
  for (const [callers, count] of of.counts) {
    const sample = await createSecrets(control, { prefix: `s-${callers}`, count, callers });
    const label = `secret create, ${of.managers} manager${of.managers > 1 ? "s" : ""}, ${callers} caller${callers > 1 ? "s" : ""}`;
    figures.set(`${label}: per second`, rateOf(sample));
    figures.set(`${label}: p50 ms`, median(sample.latencies));
    figures.set(`${label}: p99 ms`, percentile(sample.latencies, 0.99));
  }
}

const serviceSpec = (name: string, image: string, replicas: number) => ({
  annotations: { name },
  task: {
    container: { image, command: ["/bin/sh", "-c", "exec sleep 100000"], stopGracePeriod: { seconds: "0", nanos: 1 } },
  },
  replicated: { replicas: String(replicas) },
});

/** From the call to a task that runs, again and again. */
export async function serviceStarts(control: Control, image: string, rounds: number): Promise<readonly number[]> {
  const spans: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const started = performance.now();
    const spec = serviceSpec(`run-${round}`, image, 1);
    const { service } = await control.CreateService({ spec }, { timeout: seconds(20) });
    const serviceId = service?.id ?? "";
    const filters = { serviceIds: [serviceId] };
    await until("the task runs", 60_000, async () => {
      const { tasks = [] } = await control.ListTasks({ filters }, { timeout: seconds(5) });
      return tasks.some((task) => task.status?.state === "RUNNING");
    });
    spans.push(performance.now() - started);
    await control.RemoveService({ serviceId }, { timeout: seconds(20) });
    await until("the task is gone", 60_000, async () => {
      const { tasks = [] } = await control.ListTasks({ filters }, { timeout: seconds(5) });
      return tasks.length === 0;
    });
  }
  return spans;
}

/** Services that want no task. */
export async function createIdleServices(control: Control, image: string, count: number): Promise<void> {
  await measure(count, 32, (index) =>
    control.CreateService({ spec: serviceSpec(`idle-${index}`, image, 0) }, { timeout: seconds(60) }),
  );
}

/** MiB after a pause, in which garbage can be collected. */
export async function memoryAtRest(node: SwarmNode): Promise<number> {
  await clock.sleep(seconds(5));
  return (await node.residentBytes()) / 2 ** 20;
}

/** From the end of the leader to the next write that another manager acknowledges. */
export async function failover(leader: SwarmNode, survivor: SwarmNode): Promise<number> {
  return await withControl(survivor, async (control) => {
    let index = 0;
    const write = () =>
      control.CreateSecret(
        { spec: { annotations: { name: `failover-${index++}` }, data: Buffer.from("x") } },
        { timeout: milliseconds(1_000) },
      );
    await write();
    return await timed(async () => {
      await leader.kill();
      await until("a write succeeds", 120_000, async () =>
        write().then(
          () => true,
          () => false,
        ),
      );
    });
  });
}
