// What is asked of both systems through Docker's API.
import { milliseconds } from "@mswarm/runtime";
import type { Face } from "./face.ts";
import { type Figures, measure, median, rateOf } from "./statistics.ts";
import type { SwarmNode } from "./swarm.ts";
import { clock, until } from "./waiting.ts";

interface ServiceChoice {
  readonly name: string;
  readonly image: string;
  readonly replicas: number;
  /** Environment that tells one version of the service from another. */
  readonly version?: number;
  readonly constraints?: readonly string[];
}

/** Ends at once when it is asked to, so that nobody's grace is measured. */
export const program = ["/bin/sh", "-c", "trap 'exit 0' TERM; sleep 100000 & wait"];

const serviceSpec = ({ name, image, replicas, version = 1, constraints = [] }: ServiceChoice): object => ({
  Name: name,
  TaskTemplate: {
    ContainerSpec: { Image: image, Command: program, Env: [`VERSION=${version}`] },
    Placement: { Constraints: constraints },
  },
  Mode: { Replicated: { Replicas: replicas } },
  UpdateConfig: { Parallelism: 5, Delay: 0, Monitor: 500_000_000, FailureAction: "pause", Order: "stop-first" },
});

const filtersOf = (filters: object): string => encodeURIComponent(JSON.stringify(filters));

export async function createService(face: Face, choice: ServiceChoice): Promise<string> {
  const { ID } = (await face.call("POST", "/services/create", serviceSpec(choice))) as { ID: string };
  return ID;
}

interface ServiceAnswer {
  readonly Version: { readonly Index: number };
  readonly UpdateStatus?: { readonly State?: string };
}

export async function updateService(face: Face, id: string, choice: ServiceChoice): Promise<void> {
  const { Version } = (await face.call("GET", `/services/${id}`)) as ServiceAnswer;
  await face.call("POST", `/services/${id}/update?version=${Version.Index}`, serviceSpec(choice));
}

export async function untilUpdated(face: Face, id: string): Promise<void> {
  await until("the update is completed", 180_000, async () => {
    await clock.sleep(milliseconds(20));
    const { UpdateStatus } = (await face.call("GET", `/services/${id}`)) as ServiceAnswer;
    return UpdateStatus?.State === "completed";
  });
}

export async function untilRunning(face: Face, id: string, count: number): Promise<void> {
  const path = `/services?status=true&filters=${filtersOf({ id: [id] })}`;
  await until(`${count} tasks run`, 180_000, async () => {
    const [service] = (await face.call("GET", path)) as readonly { ServiceStatus?: { RunningTasks?: number } }[];
    return service?.ServiceStatus?.RunningTasks === count;
  });
}

/** Containers of a service's tasks in the engines of all nodes. */
export async function containersOf(engines: readonly Face[], id: string, isRunning: boolean): Promise<number> {
  const path = `/containers/json?all=${!isRunning}&filters=${filtersOf({ label: [`com.docker.swarm.service.id=${id}`] })}`;
  const lists = await Promise.all(engines.map(async (engine) => (await engine.call("GET", path)) as object[]));
  return lists.reduce((sum, list) => sum + list.length, 0);
}

export async function createSecret(face: Face, name: string): Promise<string> {
  const spec = { Name: name, Data: Buffer.alloc(256, 7).toString("base64") };
  return ((await face.call("POST", "/secrets/create", spec)) as { ID: string }).ID;
}

export async function secretRates(figures: Figures, face: Face, counts: ReadonlyMap<number, number>): Promise<void> {
  for (const [callers, count] of counts) {
    const sample = await measure(count, callers, (index) => createSecret(face, `s-${callers}-${index}`));
    const label = `secret create, ${callers} caller${callers > 1 ? "s" : ""}`;
    if (callers === 1) figures.set(`${label}: p50 ms`, median(sample.latencies));
    figures.set(`${label}: per second`, rateOf(sample));
  }
}

export async function joinTokens(face: Face): Promise<{ readonly Manager: string; readonly Worker: string }> {
  const { JoinTokens } = (await face.call("GET", "/swarm")) as { JoinTokens: { Manager: string; Worker: string } };
  return JoinTokens;
}

export async function nodeStates(face: Face): Promise<ReadonlyMap<string, string>> {
  const nodes = (await face.call("GET", "/nodes")) as readonly { ID: string; Status: { State: string } }[];
  return new Map(nodes.map(({ ID, Status }) => [ID, Status.State]));
}

export async function untilNodesReady(face: Face, count: number): Promise<void> {
  await until(`${count} nodes are ready`, 60_000, async () => {
    const states = [...(await nodeStates(face)).values()];
    return states.filter((state) => state === "ready").length === count;
  });
}

export async function nodeIdOf(node: SwarmNode, face: Face): Promise<string> {
  const { Swarm } = (await face.call("GET", "/info")) as { Swarm: { NodeID: string } };
  if (Swarm.NodeID === "") throw new Error(`the node at ${node.address} is in no cluster`);
  return Swarm.NodeID;
}

/** Spans of a container made and started by the engine itself: what a task's start cannot be faster than. */
export async function bareStarts(engine: Face, image: string, rounds: number): Promise<readonly number[]> {
  const spans: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const started = performance.now();
    const body = { Image: image, Entrypoint: program };
    const { Id } = (await engine.call("POST", "/containers/create", body)) as { Id: string };
    await engine.call("POST", `/containers/${Id}/start`);
    spans.push(performance.now() - started);
    await engine.call("DELETE", `/containers/${Id}?force=1&v=1`);
  }
  return spans;
}
