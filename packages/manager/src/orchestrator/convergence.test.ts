// Random lives of a cluster: whatever happened, once it is left alone every service is as its spec says, and on the
// way no rule was broken. `MSWARM_SEED=17 vitest run … convergence` replays one seed.
import { milliseconds, minutes, pick, type Random, seconds } from "@mswarm/runtime";
import { SeededRandom } from "@mswarm/runtime/simulated";
import { type Change, isChangeOf, nodes, services, tasks } from "@mswarm/store";
import type { Service, ServiceSpec, Task } from "@mswarm/wire";
import { expect, test } from "vitest";
import { modeOf, replicasOf, slotOf } from "../objects/service-mode.ts";
import { isWanted, occupiesNode, rankOf, stateOf } from "../objects/task-state.ts";
import { ClusterView } from "../scheduler/cluster-view.ts";
import { globalPlacement } from "./plan-global.ts";
import { replicated, TestSwarm, withImage } from "./testing/test-swarm.ts";

const seeds =
  process.env["MSWARM_SEED"] === undefined
    ? Array.from({ length: Number(process.env["MSWARM_SEEDS"] ?? 20) }, (_, index) => index + 1)
    : [Number(process.env["MSWARM_SEED"])];

test.each(seeds)("seed %i: the cluster converges to what is asked for", { timeout: 60_000 }, async (seed) => {
  const random = new SeededRandom(seed);
  let chaos = true;
  const fateRandom = random.fork();
  const swarm = new TestSwarm({
    nodes: 4,
    seed,
    historyLimit: random.below(4),
    ...(seed % 2 === 0 ? { commitTime: () => milliseconds(fateRandom.below(60)) } : {}),
    agents: {
      startTime: milliseconds(random.below(3_000)),
      stopTime: milliseconds(random.below(8_000)),
      fate: () => {
        if (!chaos || fateRandom.fraction() > 0.1) return "runs";
        return pick(["fails", "rejects", { exits: "FAILED", after: seconds(1) }] as const, fateRandom);
      },
    },
  });
  const broken: string[] = [];
  const unwatch = swarm.store.watch((changes) => {
    for (const change of changes) broken.push(...brokenRules(change), ...deletedTooEarly(change, swarm));
    broken.push(...overcommitted(swarm));
  });
  const life = new Life(swarm, random);
  for (let step = 0; step < 40; step += 1) {
    life.step();
    await swarm.advance(milliseconds(random.below(4_000)));
  }
  chaos = false;
  life.heal();
  await swarm.advance(minutes(20));
  for (const service of allServices(swarm)) swarm.updateService(service.id ?? "", withImage("final"));
  await swarm.advance(minutes(20));
  expect(broken).toEqual([]);
  for (const service of allServices(swarm))
    expect(description(swarm, service)).toEqual(wantedDescription(swarm, service));
  const owners = new Set(allServices(swarm).map((service) => service.id));
  const leftovers = swarm.store.view((tx) => [...tx.all(tasks)].filter((task) => !owners.has(task.serviceId)));
  expect(leftovers).toEqual([]);
  unwatch();
  await swarm.stop();
});

/** One random user and one random world. */
class Life {
  readonly #swarm: TestSwarm;
  readonly #random: Random;
  #nodes = 4;

  constructor(swarm: TestSwarm, random: Random) {
    this.#swarm = swarm;
    this.#random = random;
  }

  step(): void {
    const swarm = this.#swarm;
    const random = this.#random;
    const service = this.#service();
    const node = this.#node();
    const image = `image:${random.below(3)}`;
    switch (random.below(14)) {
      case 0:
      case 1:
        swarm.createService(this.#spec());
        return;
      case 2:
      case 3:
        if (service?.spec?.replicated !== undefined) swarm.scale(service.id ?? "", random.below(9));
        return;
      case 4:
      case 5:
      case 6:
        if (service !== undefined) swarm.updateService(service.id ?? "", withImage(image));
        return;
      case 7:
        if (service !== undefined && random.below(2) === 0) swarm.removeService(service.id ?? "");
        return;
      case 8:
        swarm.setAvailability(node, pick(["ACTIVE", "PAUSE", "DRAIN"] as const, random));
        return;
      case 9:
      case 10:
        swarm.setNodeState(node, pick(["READY", "READY", "DOWN"] as const, random));
        return;
      case 11:
        this.#nodes += 1;
        swarm.addNode(`node${this.#nodes}`);
        return;
      case 12:
        if (swarm.store.view((tx) => tx.count(nodes)) > 3) swarm.removeNode(node);
        return;
      case 13:
        swarm.stopLeading();
        swarm.lead();
        return;
    }
  }

  heal(): void {
    for (const node of this.#swarm.store.view((tx) => [...tx.all(nodes)])) {
      this.#swarm.setNodeState(node.id ?? "", "READY");
      this.#swarm.setAvailability(node.id ?? "", "ACTIVE");
    }
  }

  #spec(): ServiceSpec {
    const random = this.#random;
    const base: ServiceSpec = {
      task: {
        container: { image: "image:0" },
        restart: { condition: "ANY", delay: { seconds: String(random.below(4)) } },
        resources: { reservations: { nanoCpus: String(random.below(3) * 100_000_000) } },
        placement: random.below(4) === 0 ? { maxReplicas: "3" } : {},
      },
      update: {
        parallelism: String(random.below(3)),
        order: pick(["STOP_FIRST", "START_FIRST"] as const, random),
        failureAction: pick(["PAUSE", "CONTINUE", "ROLLBACK"] as const, random),
        delay: { seconds: String(random.below(2)) },
      },
    };
    return random.below(3) === 0 ? { ...base, global: {} } : replicated(random.below(6), base);
  }

  #service(): Service | undefined {
    const all = allServices(this.#swarm);
    return all.length === 0 ? undefined : pick(all, this.#random);
  }

  #node(): string {
    return pick(this.#swarm.store.view((tx) => [...tx.all(nodes)].map(({ id }) => id ?? "")).sort(), this.#random);
  }
}

const allServices = (swarm: TestSwarm): Service[] =>
  swarm.store.view((tx) => [...tx.all(services)]).sort((left, right) => ((left.id ?? "") < (right.id ?? "") ? -1 : 1));

/** States and wishes only grow; a node is chosen once; nothing runs that was never placed. */
function brokenRules(change: Change): string[] {
  if (!isChangeOf(change, tasks) || change.kind !== "update" || change.previous === undefined) return [];
  const { object, previous } = change;
  const story = `${object.id}: ${describeTask(previous)} became ${describeTask(object)}`;
  const rules: [boolean, string][] = [
    [rankOf(object.status?.state) >= rankOf(previous.status?.state), "the state went back"],
    [rankOf(object.desiredState) >= rankOf(previous.desiredState), "the desired state went back"],
    [(previous.nodeId ?? "") === "" || previous.nodeId === object.nodeId, "the task moved"],
    [
      rankOf(object.status?.state) < rankOf("ASSIGNED") ||
        object.nodeId !== undefined ||
        rankOf(object.status?.state) > rankOf("RUNNING"),
      "it runs nowhere",
    ],
  ];
  return rules.filter(([holds]) => !holds).map(([, rule]) => `${rule}: ${story}`);
}

/** What is deleted has ended, was never placed, or was on a node that is gone. */
function deletedTooEarly(change: Change, swarm: TestSwarm): string[] {
  if (!isChangeOf(change, tasks) || change.kind !== "remove" || !occupiesNode(change.object)) return [];
  const node = swarm.store.view((tx) => tx.get(nodes, change.object.nodeId ?? ""));
  return node === undefined ? [] : [`${change.object.id} was deleted while it was ${describeTask(change.object)}`];
}

const describeTask = (task: Task): string => `${stateOf(task)}/${task.desiredState}@${task.nodeId ?? ""}`;

function overcommitted(swarm: TestSwarm): string[] {
  const view = swarm.store.view((tx) => ClusterView.of(tx));
  return [...view.nodes].filter((node) => node.freeNanoCpus < 0).map((node) => `${node.id} is overcommitted`);
}

/** What the service has: its running tasks as slot (or node) and image, and how many more are wanted. */
function description(swarm: TestSwarm, service: Service): unknown {
  const wanted = swarm.tasks(service.id ?? "").filter(isWanted);
  return {
    service: service.id,
    places: wanted.map((task) => (modeOf(service) === "global" ? task.nodeId : String(slotOf(task)))).sort(),
    states: [...new Set(wanted.map((task) => `${stateOf(task)} ${task.spec?.container?.image}`))],
    update: service.updateStatus?.state,
  };
}

function wantedDescription(swarm: TestSwarm, service: Service): unknown {
  const slots = swarm
    .tasks(service.id ?? "")
    .filter(isWanted)
    .map((task) => String(slotOf(task)));
  const replicas = replicasOf(service);
  const places =
    modeOf(service) === "global"
      ? swarm.store.view((tx) =>
          [...tx.all(nodes)].filter((node) => globalPlacement(service, node) === "run").map(({ id }) => id ?? ""),
        )
      : // Which numbers they are depends on the past; that they are different ones does not.
        new Set(slots).size === replicas
        ? slots
        : Array.from({ length: replicas }, (_, index) => String(index + 1));
  return {
    service: service.id,
    places: [...places].sort(),
    states: places.length === 0 ? [] : ["RUNNING final"],
    update: places.length === 0 ? undefined : "COMPLETED",
  };
}
