// A manager is trusted with what runs here, but not with the daemon, nor with files outside of a task's own.
import type { ContainerSpec, Mount, NodeSpec, SessionMessage, Task, TaskStatus } from "@mswarm/wire";
import { expect, test } from "vitest";
import { dependencyFiles } from "./secrets/dependency-files.ts";
import { assignedTask, nodeId, WorkerScene } from "./testing/worker-scene.ts";

/** What a decoder gives for an enum value of a later version. */
const unknownValue = 999 as unknown;

/** A scene to which a manager has assigned all this, and an honest task that must run all the same. */
async function sceneWith(...tasks: readonly Task[]): Promise<WorkerScene> {
  const scene = new WorkerScene();
  await scene.start();
  scene.manager.assign(...tasks.map((task) => ({ task })), { task: assignedTask("honest", {}, { slot: "99" }) });
  await scene.pass();
  expect(scene.manager.lastStatus("honest")?.state).toBe("RUNNING");
  return scene;
}

test("a task whose id is a path, empty or endless is passed over, and nothing is written for it", async () => {
  const ids = ["../../etc/passwd", "..", "", "a/b", ".hidden", "a\0b", "a\nb", "x".repeat(4_000)];
  const scene = await sceneWith(...ids.map((id) => assignedTask(id)));
  expect(scene.engine.containers).toHaveLength(1);
  expect((await scene.journal.load()).map(({ task }) => task.id)).toEqual(["honest"]);
  expect([...scene.manager.statuses.keys()]).toEqual(["honest"]);
  // Later messages do not start them either.
  scene.manager.assign({ task: assignedTask("second", {}, { slot: "2" }) });
  await scene.pass();
  expect(scene.manager.lastStatus("second")?.state).toBe("RUNNING");
  expect(scene.engine.containers).toHaveLength(2);
});

test("tasks that say nothing, or no container, are rejected with a sentence", async () => {
  const bare = (id: string, more: Partial<Task>): Task => ({ id, desiredState: "RUNNING", ...more });
  const scene = await sceneWith(
    bare("nothing", {}),
    bare("empty", { spec: {} }),
    bare("imageless", { spec: { container: {} } }),
    bare("plugin", { spec: { generic: { kind: "plugin" } } }),
    bare("attached", { spec: { attachment: { containerId: "c" } } }),
  );
  const told = ["nothing", "empty", "imageless", "plugin", "attached"].map((id) => scene.manager.lastStatus(id));
  expect(told.map((status) => status?.state)).toEqual(Array(5).fill("REJECTED"));
  for (const status of told) expect(status?.err).not.toMatch(/undefined|TypeError|not a function|not iterable/);
});

test("values of enums that this version does not know are refused, or change nothing", async () => {
  const container = (id: string, spec: Partial<ContainerSpec>): Task => assignedTask(id, spec);
  const scene = await sceneWith(
    container("mount", { mounts: [{ type: unknownValue, target: "/a", source: "/" } as Mount] }),
    container("isolation", { isolation: unknownValue } as ContainerSpec),
    container("seccomp", { privileges: { seccomp: { mode: unknownValue } } } as ContainerSpec),
    assignedTask("port", {}, {
      endpoint: { ports: [{ publishMode: "HOST", protocol: unknownValue }] },
    } as Partial<Task>),
    assignedTask("state", {}, { slot: "5", status: { state: unknownValue } as TaskStatus }),
    assignedTask("desire", {}, { slot: "6", desiredState: unknownValue } as Partial<Task>),
  );
  for (const id of ["mount", "isolation", "seccomp", "port"]) {
    expect(scene.manager.lastStatus(id)).toMatchObject({
      state: "REJECTED",
      err: expect.stringContaining("this version does not know"),
    });
  }
  expect(scene.manager.lastStatus("state")?.state).toBe("RUNNING");
  // Nobody knows what is wanted: nothing is done, until somebody says it in known words.
  expect(scene.manager.statuses.has("desire")).toBe(false);
  scene.manager.assign({ task: assignedTask("desire", {}, { slot: "6" }) });
  await scene.pass();
  expect(scene.manager.lastStatus("desire")?.state).toBe("RUNNING");
});

test("a task that needs an overlay network is rejected once with the sentence", async () => {
  const network = { spec: { annotations: { name: "ingress" } }, driverState: { name: "overlay" } };
  const scene = await sceneWith(assignedTask("t1", {}, { networks: [{ network, addresses: ["10.0.0.3/24"] }] }));
  expect(scene.manager.statesOf("t1").filter((state) => state === "REJECTED")).toHaveLength(1);
  expect(scene.manager.lastStatus("t1")?.err).toContain(
    'network "ingress": this worker runs tasks on the networks bridge',
  );
  await scene.pass(60_000);
  expect(scene.manager.statesOf("t1").filter((state) => state === "REJECTED")).toHaveLength(1);
  expect(scene.engine.containers).toHaveLength(1);
});

test("paths in the names of secrets and configs are paths in the container, never on this host", async () => {
  const scene = new WorkerScene();
  await scene.start();
  const names = ["../../../etc/shadow", "/proc/1/environ", "a/../../b", "..", "x".repeat(5_000)];
  scene.manager.assign(
    { secret: { id: "s1", spec: { annotations: { name: "../s" }, data: Buffer.from("data") } } },
    {
      task: assignedTask("t1", {
        secrets: names.map((name) => ({
          secretId: "s1",
          secretName: "../s",
          file: { name, uid: "0", gid: "0", mode: 0o400 },
        })),
      }),
    },
  );
  await scene.pass();
  const { mounts } = scene.containerOf("t1").spec;
  // Sources are numbers in the task's own folder, whatever the names are.
  expect(mounts.map((mount) => ("source" in mount ? mount.source : ""))).toEqual(
    names.map((_name, index) => `/memory/t1/${index}`),
  );
  for (const { target } of mounts) expect(target).toMatch(/^\/(?!.*\/\.\.(\/|$))/);
});

test("owners and modes of secrets are bounded, whatever is asked for", () => {
  const secret = { id: "s1", spec: { data: Buffer.from("x") } };
  const node = { hostname: "", operatingSystem: "", architecture: "" };
  const files = (file: { readonly uid?: string; readonly gid?: string; readonly mode?: number }) =>
    dependencyFiles(
      assignedTask("t1", { secrets: [{ secretId: "s1", secretName: "s", file: { name: "s", ...file } }] }),
      { secrets: new Map([["s1", secret]]), configs: new Map() },
      node,
    );
  // No set-uid bits, no file types.
  expect(files({ mode: 0xffff_ffff })[0]?.mode).toBe(0o777);
  for (const uid of ["-1", "1e3", "0x10", "4294967295", "99999999999999999999", "root", "1; rm"]) {
    expect(() => files({ uid }), uid).toThrow(/is not a number/);
  }
});

test("labels of a specification cannot make a container another task's or another node's", async () => {
  const scene = await sceneWith(
    assignedTask(
      "t1",
      { labels: { "com.docker.swarm.task.id": "honest", "com.docker.swarm.node.id": "other", __proto__: "x" } },
      { annotations: { labels: { "com.docker.swarm.node.id": "other" } } },
    ),
  );
  expect(scene.containerOf("t1").spec.labels).toMatchObject({
    "com.docker.swarm.task.id": "t1",
    "com.docker.swarm.node.id": nodeId,
  });
});

test("three thousand tasks at once run, and go again", async () => {
  const scene = new WorkerScene();
  await scene.start();
  const tasks = Array.from({ length: 3_000 }, (_unused, index) =>
    assignedTask(`t${index}`, {}, { slot: `${index + 1}` }),
  );
  scene.manager.assign(...tasks.map((task) => ({ task })));
  await scene.pass();
  expect(scene.engine.containers.filter(({ isRunning }) => isRunning)).toHaveLength(3_000);
  expect(tasks.every(({ id }) => scene.manager.lastStatus(id ?? "")?.state === "RUNNING")).toBe(true);
  scene.manager.takeBack(...tasks.map(({ id }) => ({ task: { id: id ?? "" } })));
  await scene.pass();
  expect(scene.engine.containers).toEqual([]);
});

test("a manager that registers this node and fails its sessions at once is asked ever less often", async () => {
  const scene = new WorkerScene();
  await scene.start();
  for (let second = 0; second < 60; second += 1) {
    scene.manager.dropSession();
    await scene.pass(1_000);
  }
  scene.manager.dropSession();
  const before = scene.manager.offeredSessions.length;
  for (let step = 0; step < 300; step += 1) {
    scene.manager.dropSession();
    await scene.pass(100);
  }
  // Once a second on the average, not with every step.
  expect(scene.manager.offeredSessions.length - before).toBeLessThan(45);
});

test("a manager whose assignments never follow on each other loses the session instead of being asked without end", async () => {
  const scene = new WorkerScene();
  scene.manager.sendsOnlyGaps = true;
  await scene.start();
  await scene.pass(30_000);
  expect(scene.manager.outcomes.every((outcome) => outcome === "bad")).toBe(true);
  expect(scene.manager.completeSets).toBeLessThan(45);
  expect(String(scene.failures[0])).toContain("do not follow on each other");
});

test("a session that says absurd things about this node and its managers harms nobody", async () => {
  const scene = await sceneWith();
  const managers = Array.from({ length: 5_000 }, (_unused, index) => ({
    peer: { addr: `host${index}` },
    weight: "10",
  }));
  const lies: Partial<SessionMessage>[] = [
    { managers: [{}, { peer: {} }, { peer: { addr: "../../socket" }, weight: "-9223372036854775808" }] },
    { managers },
    { RootCA: Buffer.alloc(1_000_000, 0x41) },
    { node: { spec: { desiredRole: unknownValue } as NodeSpec, certificate: {} } },
    { networkBootstrapKeys: [{}] },
    { sessionId: "" },
  ];
  for (const lie of lies) scene.manager.tell(lie);
  await scene.pass();
  expect(scene.messages.length).toBeGreaterThanOrEqual(lies.length);
  expect(scene.containerOf("honest").isRunning).toBe(true);
});

test("log subscriptions without number are not all served", async () => {
  const scene = await sceneWith();
  for (let index = 0; index < 2_000; index += 1) {
    scene.manager.subscribe({
      id: `s${index}`,
      selector: { nodeIds: [nodeId] },
      options: { follow: true, tail: "-1" },
    });
  }
  await scene.pass();
  scene.engine.write(scene.containerOf("honest"), "stdout", "line");
  await scene.pass(2_000);
  expect(scene.manager.published.size).toBe(500);
});
