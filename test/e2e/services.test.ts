// A service's life: scaled, updated in both orders, rolled back by hand and by itself, failing, removed.
import { createHash } from "node:crypto";
import { dockerodeEngine } from "@mswarm/engine";
import { cryptoRandom, seconds, timestampOf } from "@mswarm/runtime";
import type { ServiceSpecInput, Task } from "@mswarm/wire";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type DockerEngine, startDockerEngine } from "../support/docker-engine.ts";
import { callLimit, eventually } from "../support/eventually.ts";
import { secretFile, sleeper } from "../support/service-specs.ts";
import { containerIdOf, TestCluster } from "../support/test-cluster.ts";
import { TestService } from "../support/test-service.ts";

const inTime = { timeout: callLimit };
const nodeCount = 3;

let docker: DockerEngine;
let cluster: TestCluster;

beforeAll(async () => {
  docker = await startDockerEngine();
  cluster = await TestCluster.start({ engine: docker.address, managers: 1, workers: nodeCount - 1 });
});
// A test that fails leaves neither its service, whose name others have too, nor a drained node to the next one.
afterEach(async () => {
  const { services = [] } = await (await cluster.control()).ListServices({}, inTime);
  for (const { id = "", spec } of services) {
    await TestService.existing(cluster, id, spec ?? {}).remove();
  }
  for (const { description, spec } of await cluster.nodes()) {
    if (spec?.availability !== "DRAIN") continue;
    await cluster.updateNode(description?.hostname ?? "", (own) => ({ ...own, availability: "ACTIVE" }));
  }
});
afterAll(async () => {
  await cluster?.stop();
  await docker?.stop();
});

const isUp = ({ status }: Task): boolean => status?.state === "RUNNING";

/** A service whose containers print their color. */
function colored(color: string, more: Pick<ServiceSpecInput, "update" | "rollback"> = {}): ServiceSpecInput {
  const container = { env: [`COLOR=${color}`] };
  return sleeper("web", { image: docker.image, replicas: 3, script: 'echo "COLOR=$COLOR"', container, ...more });
}

/** What the running containers print, once each of them has. */
async function colorsOf(service: TestService): Promise<readonly string[]> {
  const tasks = await service.running(3);
  return await Promise.all(
    tasks.map((task) =>
      eventually(async () => {
        const [, color = ""] = /^COLOR=(.*)\n/.exec(await cluster.output(containerIdOf(task))) ?? [];
        expect(color).not.toBe("");
        return color;
      }),
    ),
  );
}

test("a service is scaled up, down and away", async () => {
  const service = await TestService.create(cluster, sleeper("scaled", { image: docker.image, replicas: 2 }));
  await service.running(2);
  await service.scale(6);
  await service.running(6);
  await service.scale(1);
  await service.running(1);
  await eventually(async () => expect(await cluster.containers()).toHaveLength(1));
  await service.remove();
  await eventually(async () => expect(await service.tasks()).toEqual([]));
});

for (const order of ["STOP_FIRST", "START_FIRST"] as const) {
  test(`an update replaces every task, ${order}, and a rollback brings the old ones back`, async () => {
    const policy = { parallelism: "1", order, monitor: { nanos: 200_000_000 } };
    const service = await TestService.create(cluster, colored("red", { update: policy, rollback: policy }));
    expect(await colorsOf(service)).toEqual(["red", "red", "red"]);
    await service.update(colored("blue", { update: policy, rollback: policy }));
    await service.updateEnds("COMPLETED");
    expect(await colorsOf(service)).toEqual(["blue", "blue", "blue"]);
    await service.rollBack();
    await service.updateEnds("ROLLBACK_COMPLETED");
    expect(await colorsOf(service)).toEqual(["red", "red", "red"]);
    await service.remove();
  });
}

test("an update whose tasks fail goes back by itself to what worked", async () => {
  const service = await TestService.create(cluster, colored("red"));
  await service.running(3);
  const spec = colored("black", {
    update: { parallelism: "1", failureAction: "ROLLBACK", monitor: { seconds: "30" } },
  });
  const container = { ...spec.task?.container, args: ["echo broken; exit 3"] };
  await service.update({ ...spec, task: { ...spec.task, container } });
  await service.updateEnds("ROLLBACK_COMPLETED");
  expect(await colorsOf(service)).toEqual(["red", "red", "red"]);
  await service.remove();
});

test("an update that is to pause when a task fails leaves the others alone", async () => {
  const service = await TestService.create(cluster, colored("red"));
  const before = (await service.running(3)).map(containerIdOf);
  // Without the delay the next task has its turn as soon as the first runs, which may be before it fails.
  const update = {
    parallelism: "1",
    delay: { seconds: "60" },
    failureAction: "PAUSE",
    monitor: { seconds: "30" },
  } as const;
  const spec = colored("black", { update });
  const container = { ...spec.task?.container, args: ["echo broken; exit 3"] };
  await service.update({ ...spec, task: { ...spec.task, container } });
  await service.updateEnds("PAUSED");
  const up = (await cluster.containers()).filter(({ status }) => status === "running").map(({ id }) => id);
  expect(before.map((id) => up.includes(id)).sort()).toEqual([false, true, true]);
  await service.remove();
});

test("a new secret reaches the tasks by an update, and its bytes stay the same for those that have it", async () => {
  const [first, second] = [cryptoRandom().bytes(64), cryptoRandom().bytes(500 * 1024 - 1)];
  const control = await cluster.control();
  const create = async (name: string, data: Buffer): Promise<string> =>
    (await control.CreateSecret({ spec: { annotations: { name }, data } }, inTime)).secret?.id ?? "";
  const using = (secretId: string, name: string): ServiceSpecInput =>
    sleeper("web", {
      image: docker.image,
      replicas: 2,
      script: "busybox sha256sum /run/secrets/*",
      container: { secrets: [secretFile(secretId, name)] },
    });
  const prints = async (service: TestService, data: Buffer, name: string): Promise<void> => {
    const line = `${createHash("sha256").update(data).digest("hex")}  /run/secrets/${name}\n`;
    for (const task of await service.running(2)) {
      await eventually(async () => expect(await cluster.output(containerIdOf(task))).toBe(line));
    }
  };
  const service = await TestService.create(cluster, using(await create("small", first), "small"));
  await prints(service, first, "small");
  await service.update(using(await create("large", second), "large"));
  await service.updateEnds("COMPLETED");
  await prints(service, second, "large");
  await service.remove();
});

test("a task that ends is started again", async () => {
  const service = await TestService.create(cluster, sleeper("phoenix", { image: docker.image, replicas: 1 }));
  const [before] = await service.running(1);
  await dockerodeEngine(docker.address).stopContainer(containerIdOf(before), seconds(1));
  await service.running(1, ([now]) => now?.id !== before?.id);
  await service.remove();
});

test("a global service runs once on every node", async () => {
  const { replicated: _none, ...spec } = sleeper("everywhere", { image: docker.image, replicas: 0 });
  const service = await TestService.create(cluster, { ...spec, global: {} });
  const tasks = await service.running(nodeCount);
  expect(new Set(tasks.map(({ nodeId }) => nodeId)).size).toBe(nodeCount);
  await service.remove();
});

test("an image that exists nowhere is the task's error, and the service recovers with one that does", async () => {
  const service = await TestService.create(cluster, sleeper("typo", { image: "mswarm-busybox:tpyo", replicas: 1 }));
  await eventually(async () => {
    const [task] = await service.tasks();
    expect(task?.status?.state).toBe("REJECTED");
    expect(task?.status?.err).toMatch(/mswarm-busybox:tpyo|No such image/i);
  });
  await service.update(sleeper("typo", { image: docker.image, replicas: 1 }));
  await service.running(1);
  await service.remove();
});

test("a service that no node can run waits, and runs when a node can", async () => {
  const constraints = ["node.labels.disk==ssd"];
  const service = await TestService.create(
    cluster,
    sleeper("picky", { image: docker.image, replicas: 1, constraints }),
  );
  await eventually(async () => {
    const [task] = await service.tasks();
    expect(task?.status?.state).toBe("PENDING");
    expect(task?.status?.err).toContain("no suitable node");
  });
  await cluster.updateNode("w1", (spec) => ({
    ...spec,
    annotations: { ...spec.annotations, labels: { disk: "ssd" } },
  }));
  const [task] = await service.running(1);
  expect(task?.nodeId).toBe((await cluster.node("w1")).id);
  await service.remove();
});

test("a job runs each of its tasks to the end, and again when it is updated", async () => {
  const { replicated: _none, ...base } = sleeper("job", { image: docker.image, replicas: 0 });
  const container = { image: docker.image, command: ["sh", "-c"], args: ["echo done; sleep 0.2"] };
  const spec: ServiceSpecInput = {
    ...base,
    task: { container },
    replicatedJob: { maxConcurrent: "2", totalCompletions: "4" },
  };
  const service = await TestService.create(cluster, spec);
  const completed = async (iteration: string): Promise<void> => {
    await eventually(async () => {
      const tasks = (await service.tasks()).filter(({ jobIteration }) => (jobIteration?.index ?? "0") === iteration);
      const slots = tasks.map(({ slot = "0", status }) => `${slot} ${status?.state}`).sort();
      expect(slots).toEqual(["0 COMPLETE", "1 COMPLETE", "2 COMPLETE", "3 COMPLETE"]);
    });
  };
  await completed("0");
  const { statuses = [] } = await (await cluster.control()).ListServiceStatuses({ services: [service.id] }, inTime);
  expect(statuses).toMatchObject([{ desiredTasks: "2", runningTasks: "0", completedTasks: "4" }]);
  await service.update({ ...spec, task: { container, forceUpdate: "1" } });
  await completed("1");
  await service.remove();
});

test("a global job runs once on every node, and failures are tried again there", async () => {
  const { replicated: _none, ...base } = sleeper("everywhere-once", { image: docker.image, replicas: 0 });
  const args = ["test -e /data/$NODE || { touch /data/$NODE; exit 3; }"];
  const container = {
    image: docker.image,
    command: ["sh", "-c"],
    args,
    env: ["NODE={{.Node.ID}}"],
    mounts: [{ type: "VOLUME" as const, source: "everywhere-once", target: "/data" }],
  };
  const restart = { condition: "ON_FAILURE", delay: { nanos: 300_000_000 } } as const;
  const service = await TestService.create(cluster, { ...base, task: { container, restart }, globalJob: {} });
  await eventually(async () => {
    const tasks = await service.tasks();
    const ended = (state: string): unknown =>
      tasks
        .filter(({ status }) => status?.state === state)
        .map(({ nodeId }) => nodeId)
        .sort();
    const everywhere = (await cluster.nodes()).map(({ id }) => id).sort();
    expect(ended("COMPLETE")).toEqual(everywhere);
    expect(ended("FAILED")).toEqual(everywhere);
  });
  await service.remove();
});

test("a drained node keeps a start-first task until its successor runs elsewhere", async () => {
  const policy = { update: { parallelism: "1", order: "START_FIRST" as const } };
  const constraints = ["node.role==worker"];
  const service = await TestService.create(
    cluster,
    sleeper("gapless", { image: docker.image, replicas: 1, constraints, ...policy }),
  );
  const [before] = await service.running(1);
  const name = (await cluster.nodes()).find(({ id }) => id === before?.nodeId)?.description?.hostname ?? "";
  await cluster.updateNode(name, (spec) => ({ ...spec, availability: "DRAIN" }));
  await eventually(async () => {
    const old = (await service.tasks()).find(({ id }) => id === before?.id);
    expect(old?.status?.state).toBe("SHUTDOWN");
  });
  const [after] = await service.running(1);
  expect(after?.nodeId).not.toBe(before?.nodeId);
  const old = (await service.tasks()).find(({ id }) => id === before?.id);
  const ended = timestampOf(old?.status?.timestamp) ?? 0;
  // Its container ended after the other one had started.
  expect(ended).toBeGreaterThan(timestampOf(after?.status?.timestamp) ?? Number.POSITIVE_INFINITY);
  await cluster.updateNode(name, (spec) => ({ ...spec, availability: "ACTIVE" }));
  await service.remove();
});

test("a rotated secret keeps its name, reaches the tasks, and a bad one is taken back", async () => {
  const { control, operations } = await cluster.leader();
  const name = "password";
  const spec = { annotations: { name }, data: Buffer.from("first") };
  const { secret } = await control.CreateSecret({ spec }, inTime);
  const script = `busybox grep -q bad /run/secrets/${name} && exit 1; cat /run/secrets/${name}; echo`;
  const secrets = [secretFile(secret?.id ?? "", name)];
  const update = { parallelism: "1", monitor: { seconds: "8" } };
  const service = await TestService.create(
    cluster,
    sleeper("vault", { image: docker.image, replicas: 1, script, container: { secrets }, update }),
  );
  const prints = async (text: string): Promise<void> => {
    await eventually(async () => {
      const [task] = (await service.tasks()).filter(isUp);
      expect(task).toBeDefined();
      expect(await cluster.output(containerIdOf(task))).toBe(`${text}\n`);
    });
  };
  await prints("first");
  const rotate = (secretId: string, data: string): ReturnType<typeof operations.RotateSecret> =>
    operations.RotateSecret({ secretId, data: Buffer.from(data) }, inTime);
  const second = await rotate(secret?.id ?? "", "second");
  await service.updateEnds("COMPLETED");
  await prints("second");
  await rotate(second.secretId ?? "", "bad");
  await service.updateEnds("ROLLBACK_COMPLETED");
  await prints("second");
  const { secrets: stored = [] } = await control.ListSecrets({ filters: { namePrefixes: [name] } }, inTime);
  expect(stored.map(({ spec: each }) => each?.annotations?.name).sort()).toEqual([name, `${name}.1`, `${name}.2`]);
  await service.remove();
});

test("a task gets the resources that its node offers by name, and the next one is told what is missing", async () => {
  const w3 = cluster.add("w3", { genericResources: "gpu=one,gpu=two" });
  await w3.start();
  const { worker = "" } = await cluster.joinTokens();
  await w3.join(worker, [cluster.daemon("m1").managerAddress]);
  await cluster.allReady();
  const script = "busybox env | busybox grep DOCKER_RESOURCE";
  const base = sleeper("gpus", { image: docker.image, replicas: 2, script });
  const reservations = { generic: [{ discreteResourceSpec: { kind: "gpu", value: "2" } }] };
  const service = await TestService.create(cluster, { ...base, task: { ...base.task, resources: { reservations } } });
  await eventually(async () => {
    const up = (await service.tasks()).filter(isUp);
    expect(up).toHaveLength(1);
    const [task] = up;
    expect(await cluster.output(containerIdOf(task))).toBe("DOCKER_RESOURCE_GPU=one,two\n");
  });
  const { operations } = await cluster.leader();
  await eventually(async () => {
    const { summary, tasks = [] } = await operations.Explain({ serviceId: service.id }, inTime);
    expect(summary).toBe("1 of its 2 wanted tasks run, 1 wait");
    const verdicts = tasks.flatMap(({ nodes = [] }) => nodes).flatMap((node) => node.verdicts ?? []);
    const reasons = verdicts.map(({ reason }) => reason).filter((reason) => reason === "not enough of gpu free");
    expect(reasons).toHaveLength(nodeCount + 1);
  });
  await service.remove();
});
