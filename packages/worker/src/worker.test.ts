import { aborted, internal, permissionDenied, unavailable } from "@mswarm/runtime";
import { expect, test } from "vitest";
import { assignedTask, image, nodeId, WorkerScene } from "./testing/worker-scene.ts";

const wholeLife = ["ACCEPTED", "PREPARING", "READY", "STARTING", "RUNNING"];
const withSecret = {
  secrets: [{ secretId: "s1", secretName: "password", file: { name: "password", uid: "7", gid: "8", mode: 0o440 } }],
  pullOptions: { registryAuth: "cmVnaXN0cnktY3JlZGVudGlhbA" },
};
const secret = { id: "s1", spec: { annotations: { name: "password" }, data: Buffer.from("hunter2-secret") } };

test("a task lives from ASSIGNED to RUNNING and ends COMPLETE when its process ends well", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass();
  expect(scene.manager.lastStatus("t1")).toMatchObject({ state: "RUNNING", message: "started" });
  const container = scene.containerOf("t1");
  expect(scene.manager.lastStatus("t1")?.container).toMatchObject({ containerId: container.id, pid: container.pid });
  scene.engine.exit(container, 0);
  await scene.pass();
  expect(scene.manager.lastStatus("t1")).toMatchObject({ state: "COMPLETE", message: "finished" });
  expect(scene.engine.containers).toHaveLength(1);
});

test("states are reported in order, none twice, and the newest always gets through", async () => {
  const scene = new WorkerScene();
  await scene.start();
  const release = scene.engine.faults.hang("createContainer");
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass();
  release();
  await scene.pass();
  const states = scene.manager.statesOf("t1");
  expect(states.at(-1)).toBe("RUNNING");
  expect(states).toEqual(wholeLife.filter((state) => states.includes(state)));
});

test("a process that ends badly fails the task in Docker's words, with its exit code", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass();
  scene.engine.exit(scene.containerOf("t1"), 1);
  await scene.pass();
  expect(scene.manager.lastStatus("t1")).toMatchObject({
    state: "FAILED",
    message: "started",
    err: "task: non-zero exit (1)",
    container: { exitCode: 1 },
  });
});

test("an image that neither the engine nor a registry has rejects the task and says both", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.manager.assign({ task: assignedTask("t1", { image: "nothing:1" }) });
  await scene.pass();
  const status = scene.manager.lastStatus("t1");
  expect(status?.state).toBe("REJECTED");
  expect(status?.err).toMatch(/^No such image: nothing:1 .*pull access denied/);
});

test("an image that is there needs no registry, one that is not is pulled with the task's credentials", async () => {
  const scene = new WorkerScene({ registry: ["private:1"], registryCredentials: "auth" });
  scene.engine.faults.failNext("pullImage", internal("no registry may be asked for this one"));
  await scene.start();
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass();
  expect(scene.manager.lastStatus("t1")?.state).toBe("RUNNING");
  scene.engine.faults.failNext("pullImage", internal("toomanyrequests"));
  const task = assignedTask("t2", { image: "private:1", pullOptions: { registryAuth: "auth" } }, { slot: "2" });
  scene.manager.assign({ task });
  await scene.pass();
  // The first failure above was still waiting to happen, so the pull failed twice over; the third task gets through.
  scene.manager.assign({ task: { ...task, id: "t3", slot: "3" } });
  await scene.pass();
  scene.manager.assign({ task: { ...task, id: "t4", slot: "4" } });
  await scene.pass();
  expect(["t2", "t3", "t4"].map((id) => scene.manager.lastStatus(id)?.state)).toEqual([
    "REJECTED",
    "REJECTED",
    "RUNNING",
  ]);
});

test("failures before STARTING reject, from STARTING on they fail", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.engine.faults.failNext("createContainer", internal("no space left on device"));
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass();
  expect(scene.manager.lastStatus("t1")).toMatchObject({ state: "REJECTED", err: "no space left on device" });
  scene.manager.assign({ task: assignedTask("t2", { command: ["/no-such-program"] }, { slot: "2" }) });
  await scene.pass();
  expect(scene.manager.lastStatus("t2")).toMatchObject({ state: "FAILED" });
  expect(scene.manager.lastStatus("t2")?.err).toMatch(/^starting container failed: OCI runtime create failed/);
});

test("an engine that does not answer delays a task, says why, and loses nothing", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.engine.goDown();
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass(3_000);
  expect(scene.manager.lastStatus("t1")).toMatchObject({
    state: "PREPARING",
    err: expect.stringMatching(/does not answer/),
  });
  scene.engine.comeBack();
  await scene.pass(2_000);
  expect(scene.manager.lastStatus("t1")?.state).toBe("RUNNING");
  expect(scene.manager.lastStatus("t1")?.err).toBeUndefined();
  scene.engine.goDown();
  await scene.pass(3_000);
  scene.engine.comeBack();
  scene.engine.exit(scene.containerOf("t1"), 4);
  await scene.pass(2_000);
  expect(scene.manager.lastStatus("t1")).toMatchObject({ state: "FAILED", err: "task: non-zero exit (4)" });
});

test("a task with a health check is RUNNING only once healthy", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.manager.assign({ task: assignedTask("t1", { healthcheck: { test: ["CMD", "check"] } }) });
  await scene.pass(1_000);
  expect(scene.manager.lastStatus("t1")?.state).toBe("STARTING");
  scene.engine.setHealth(scene.containerOf("t1"), "healthy");
  await scene.pass();
  expect(scene.manager.lastStatus("t1")?.state).toBe("RUNNING");
});

test("an unhealthy container is stopped and its task fails, before and after RUNNING", async () => {
  const scene = new WorkerScene();
  await scene.start();
  const err = "task: non-zero exit (137): dockerexec: unhealthy container";
  const healthcheck = { test: ["CMD", "check"] };
  scene.manager.assign({ task: assignedTask("t1", { healthcheck }) });
  await scene.pass();
  scene.engine.setHealth(scene.containerOf("t1"), "unhealthy");
  await scene.pass();
  expect(scene.manager.lastStatus("t1")).toMatchObject({ state: "FAILED", err });
  scene.manager.assign({ task: assignedTask("t2", { healthcheck }, { slot: "2" }) });
  await scene.pass();
  scene.engine.setHealth(scene.containerOf("t2"), "healthy");
  await scene.pass();
  // Events may be lost; the state of the container is not.
  scene.engine.losesEvents = true;
  scene.engine.setHealth(scene.containerOf("t2"), "unhealthy");
  await scene.pass(6_000);
  expect(scene.manager.lastStatus("t2")).toMatchObject({ state: "FAILED", err });
});

test("a container that is removed behind our back fails its task", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass();
  await scene.engine.removeContainer(scene.containerOf("t1").id, { force: true });
  await scene.pass();
  expect(scene.manager.lastStatus("t1")).toMatchObject({ state: "FAILED", err: "dockerexec: container destroyed" });
});

test("a replacement waits in READY until it is wanted", async () => {
  const scene = new WorkerScene();
  await scene.start();
  const task = assignedTask("t1", {}, { desiredState: "READY" });
  scene.manager.assign({ task });
  await scene.pass(60_000);
  expect(scene.manager.lastStatus("t1")?.state).toBe("READY");
  expect(scene.containerOf("t1").hasStarted).toBe(false);
  scene.manager.assign({ task: { ...task, desiredState: "RUNNING" } });
  await scene.pass();
  expect(scene.manager.lastStatus("t1")?.state).toBe("RUNNING");
});

test("a desired state never goes back", async () => {
  const scene = new WorkerScene();
  await scene.start();
  const task = assignedTask("t1", {}, { desiredState: "SHUTDOWN" });
  scene.manager.assign({ task: { ...task, desiredState: "RUNNING" } });
  await scene.pass();
  scene.manager.assign({ task });
  scene.manager.assign({ task: { ...task, desiredState: "RUNNING" } });
  await scene.pass();
  expect(scene.manager.lastStatus("t1")).toMatchObject({ state: "SHUTDOWN", message: "shutdown" });
});

test("a shutdown stops the container and keeps it for its logs until the task is taken back", async () => {
  const scene = new WorkerScene();
  await scene.start();
  const task = assignedTask("t1");
  scene.manager.assign({ task });
  await scene.pass();
  scene.manager.assign({ task: { ...task, desiredState: "SHUTDOWN" } });
  await scene.pass();
  expect(scene.manager.lastStatus("t1")).toMatchObject({ state: "SHUTDOWN", container: { exitCode: 137 } });
  expect(scene.containerOf("t1").status).toBe("exited");
  scene.manager.takeBack({ task: { id: "t1" } });
  await scene.pass();
  expect(scene.engine.containers).toEqual([]);
  expect(scene.journal.bytes.size).toBe(0);
});

test("a shutdown interrupts a pull that hangs", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.engine.faults.hang("pullImage");
  const task = assignedTask("t1", { image: "huge:1" });
  scene.manager.assign({ task });
  await scene.pass(60_000);
  expect(scene.manager.lastStatus("t1")?.state).toBe("PREPARING");
  scene.manager.assign({ task: { ...task, desiredState: "REMOVE" } });
  await scene.pass();
  expect(scene.manager.lastStatus("t1")?.state).toBe("SHUTDOWN");
});

test("a task that is taken back while it starts leaves no container", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.engine.faults.hang("startContainer");
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass();
  expect(scene.engine.containers).toHaveLength(1);
  scene.manager.takeBack({ task: { id: "t1" } });
  await scene.pass();
  expect(scene.engine.containers).toEqual([]);
});

test("secrets reach the container as files, never the journal, and are wiped with the task", async () => {
  const scene = new WorkerScene();
  await scene.start();
  // A task may come before its secrets within one message.
  scene.manager.assign({ task: assignedTask("t1", withSecret) }, { secret });
  await scene.pass();
  expect(scene.manager.lastStatus("t1")?.state).toBe("RUNNING");
  expect(scene.secretMount.files.get("t1")).toEqual([
    { target: "/run/secrets/password", data: secret.spec.data, uid: 7, gid: 8, mode: 0o440 },
  ]);
  expect(scene.containerOf("t1").spec.mounts).toEqual([
    { type: "bind", source: "/memory/t1/0", target: "/run/secrets/password", readOnly: true },
  ]);
  const journal = Buffer.concat([...scene.journal.bytes.values()]).toString("latin1");
  expect(journal).toContain("t1");
  expect(journal).not.toContain("hunter2-secret");
  expect(journal).not.toContain(withSecret.pullOptions.registryAuth);
  scene.engine.exit(scene.containerOf("t1"), 0);
  await scene.pass();
  expect(scene.secretMount.files.size).toBe(0);
});

test("a secret that this node was not given rejects the task", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.manager.assign({ task: assignedTask("t1", withSecret) });
  await scene.pass();
  expect(scene.manager.lastStatus("t1")).toMatchObject({
    state: "REJECTED",
    err: 'secret "password": secret s1 not found on this node',
  });
});

test("without memory for secrets only tasks that need some are rejected", async () => {
  const scene = new WorkerScene();
  scene.secretMount.isUnavailable = true;
  await scene.start();
  scene.manager.assign(
    { secret },
    { task: assignedTask("t1", withSecret) },
    { task: assignedTask("t2", {}, { slot: "2" }) },
  );
  await scene.pass();
  expect(scene.manager.lastStatus("t1")).toMatchObject({
    state: "REJECTED",
    err: expect.stringMatching(/cannot be kept in memory/),
  });
  expect(scene.manager.lastStatus("t2")?.state).toBe("RUNNING");
});

test("an engine that does not see the daemon's memory rejects the task with that sentence", async () => {
  const scene = new WorkerScene({ seesPath: (path) => !path.startsWith("/memory") });
  await scene.start();
  scene.manager.assign({ secret }, { task: assignedTask("t1", withSecret) });
  await scene.pass();
  expect(scene.manager.lastStatus("t1")).toMatchObject({
    state: "REJECTED",
    err: expect.stringMatching(/the engine does not see the daemon's folder for secrets/),
  });
  expect(scene.secretMount.files.size).toBe(0);
});

test("a stopped daemon leaves its containers, and the next one goes on with them", async () => {
  const scene = new WorkerScene();
  const first = await scene.start();
  scene.manager.assign({ secret }, { task: assignedTask("t1", withSecret) });
  await scene.pass();
  const container = scene.containerOf("t1");
  await first.stop();
  expect(container.isRunning).toBe(true);
  scene.manager.unreachable = unavailable("no manager answers");
  await scene.start();
  // It ends while no manager can be told: the next session hears of it.
  scene.engine.exit(container, 2);
  await scene.pass(1_000);
  expect(scene.manager.lastStatus("t1")?.state).toBe("RUNNING");
  scene.manager.unreachable = undefined;
  await scene.pass(9_000);
  expect(scene.containerOf("t1")).toBe(container);
  expect(scene.manager.lastStatus("t1")).toMatchObject({ state: "FAILED", err: "task: non-zero exit (2)" });
});

test("after a crash and with the journal lost, a running container is found by its labels", async () => {
  const scene = new WorkerScene();
  const first = await scene.start();
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass();
  const container = scene.containerOf("t1");
  await first.stop();
  scene.journal.bytes.clear();
  await scene.start();
  await scene.pass();
  expect(scene.containerOf("t1")).toBe(container);
  expect(scene.manager.lastStatus("t1")?.state).toBe("RUNNING");
});

test("a crash between making and starting a container: it is started once, not made twice", async () => {
  const scene = new WorkerScene();
  const first = await scene.start();
  const release = scene.engine.faults.hang("startContainer");
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass();
  const container = scene.containerOf("t1");
  await first.stop();
  release();
  await scene.start();
  await scene.pass();
  expect(scene.containerOf("t1")).toBe(container);
  expect(container.isRunning).toBe(true);
  expect(scene.manager.lastStatus("t1")?.state).toBe("RUNNING");
});

test("a process that ended while the daemon was down is not started again", async () => {
  const scene = new WorkerScene();
  const first = await scene.start();
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass();
  await first.stop();
  scene.engine.exit(scene.containerOf("t1"), 0);
  scene.journal.bytes.clear();
  await scene.start();
  await scene.pass();
  expect(scene.containerOf("t1").status).toBe("exited");
  expect(scene.manager.lastStatus("t1")?.state).toBe("COMPLETE");
});

test("a prepared container whose secrets vanished with the machine is made anew before it starts", async () => {
  const scene = new WorkerScene();
  const first = await scene.start();
  const task = assignedTask("t1", withSecret, { desiredState: "READY" });
  scene.manager.assign({ secret }, { task });
  await scene.pass();
  const prepared = scene.containerOf("t1");
  await first.stop();
  scene.secretMount.files.clear();
  await scene.start();
  scene.manager.assign({ task: { ...task, desiredState: "RUNNING" } });
  await scene.pass();
  expect(scene.containerOf("t1")).not.toBe(prepared);
  expect(scene.secretMount.files.get("t1")?.[0]?.data).toEqual(secret.spec.data);
  expect(scene.manager.lastStatus("t1")?.state).toBe("RUNNING");
});

test("a restarted daemon waits for secrets and credentials instead of rejecting what it was preparing", async () => {
  const scene = new WorkerScene({ registry: ["private:1"], registryCredentials: "auth" });
  const first = await scene.start();
  const release = scene.engine.faults.hang("pullImage");
  scene.manager.assign({ task: assignedTask("t1", { image: "private:1", pullOptions: { registryAuth: "auth" } }) });
  await scene.pass();
  await first.stop();
  release();
  scene.manager.unreachable = unavailable("no manager answers");
  await scene.start();
  await scene.pass(5_000);
  expect(scene.engine.images.has("private:1")).toBe(false);
  scene.manager.unreachable = undefined;
  await scene.pass(9_000);
  expect(scene.manager.lastStatus("t1")?.state).toBe("RUNNING");
});

test("containers of tasks that nobody knows are removed, those of other nodes and of users are not", async () => {
  const scene = new WorkerScene();
  const container = (name: string, labels: Record<string, string>) => ({
    ...templateContainer,
    name,
    labels,
  });
  const of = (node: string, task: string) => ({
    "com.docker.swarm.node.id": node,
    "com.docker.swarm.task.id": task,
  });
  for (const spec of [
    container("orphan", of(nodeId, "gone")),
    container("other-node", of("node2", "gone")),
    container("user", {}),
    container("labelled-by-user", { "com.docker.swarm.node.id": nodeId }),
  ]) {
    const made = await scene.engine.createContainer(spec);
    if (made.kind === "created") await scene.engine.startContainer(made.id);
  }
  scene.engine.faults.failNext("listContainers", unavailable("busy"));
  await scene.start();
  await scene.pass(2_000);
  expect(scene.engine.containers.map(({ spec }) => spec.name)).toEqual(["other-node", "user", "labelled-by-user"]);
});

test("nothing is removed before a manager has named the complete set", async () => {
  const scene = new WorkerScene();
  const first = await scene.start();
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass();
  await first.stop();
  scene.journal.bytes.clear();
  scene.manager.isSilent = true;
  await scene.start();
  await scene.pass(60_000);
  expect(scene.containerOf("t1").isRunning).toBe(true);
});

test("a task that is missing in a complete set goes, with its container", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass();
  scene.manager.dropSession();
  scene.manager.takeBack({ task: { id: "t1" } });
  await scene.pass(1_000);
  expect(scene.engine.containers).toEqual([]);
});

test("a lost assignment message makes the worker ask for the complete set, in the same session", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.manager.sendGap();
  await scene.pass();
  expect(scene.manager.completeSets).toBe(2);
  expect(scene.manager.offeredSessions).toEqual([""]);
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass();
  expect(scene.manager.lastStatus("t1")?.state).toBe("RUNNING");
});

test("a lost session is replaced within 100 ms, offers its id again and reports every task", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass();
  scene.manager.statuses.clear();
  scene.manager.dropSession(aborted("node must disconnect"));
  await scene.pass(100);
  expect(scene.manager.offeredSessions).toEqual(["", "session1"]);
  expect(scene.manager.outcomes).toEqual(["bad"]);
  expect(scene.manager.statesOf("t1")).toEqual(["RUNNING"]);
  expect(scene.failures).toHaveLength(1);
});

test("a manager that refuses a heartbeat loses the session", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.manager.heartbeatRefusal = aborted("dispatcher is stopped");
  await scene.pass(5_000);
  expect(scene.manager.outcomes.length).toBeGreaterThan(0);
  scene.manager.heartbeatRefusal = undefined;
  await scene.pass(10_000);
  expect(scene.manager.hasSession).toBe(true);
  expect(scene.manager.heartbeats).toBeGreaterThan(1);
});

test("a manager that does not register the node in 5 s is left", async () => {
  const scene = new WorkerScene();
  scene.manager.isSilent = true;
  const { worker } = await scene.start();
  await scene.pass(4_900);
  expect(scene.manager.outcomes).toEqual([]);
  await scene.pass(200);
  expect(scene.manager.outcomes).toEqual(["bad"]);
  expect(worker.hasSession).toBe(false);
  expect(String(scene.failures[0])).toContain("session initiation timed out");
});

test("one task whose status is refused does not keep the others from being reported", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.manager.assign({ task: assignedTask("t1") }, { task: assignedTask("t2", {}, { slot: "2" }) });
  await scene.pass();
  scene.manager.statuses.clear();
  scene.manager.statusRefusal = permissionDenied("cannot update a task not assigned this node");
  scene.manager.dropSession();
  await scene.pass(200);
  expect([scene.manager.lastStatus("t1")?.state, scene.manager.lastStatus("t2")?.state]).toEqual([
    "RUNNING",
    "RUNNING",
  ]);
});

test("a changed description opens a new session without blaming the manager", async () => {
  let hostname = "one";
  const scene = new WorkerScene({}, { overrides: () => ({ hostname }) });
  const { worker } = await scene.start();
  await scene.pass(60_000);
  expect(scene.manager.descriptions.map((description) => description.hostname)).toEqual(["one"]);
  hostname = "two";
  await scene.pass(20_000);
  expect(scene.manager.descriptions.map((description) => description.hostname)).toEqual(["one", "two"]);
  hostname = "three";
  worker.refreshDescription();
  await scene.pass();
  expect(scene.manager.descriptions.at(-1)?.hostname).toBe("three");
  expect(scene.manager.outcomes).toEqual(["good", "good"]);
  expect(scene.failures).toEqual([]);
});

test("messages of the session reach the daemon", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.manager.tell({ RootCA: Buffer.from("root") });
  await scene.pass();
  expect(scene.messages.map(({ RootCA }) => RootCA?.toString())).toEqual([undefined, "root"]);
});

test("a node that leaves announces it, and takes its containers, secrets and journal with it", async () => {
  const scene = new WorkerScene();
  const { worker } = await scene.start();
  scene.manager.assign({ secret }, { task: assignedTask("t1", withSecret) });
  await scene.pass();
  const leaving = worker.leave(new AbortController().signal);
  await scene.pass();
  await leaving;
  expect(scene.manager.announcedLeaves).toEqual(["session1"]);
  expect(scene.engine.containers).toEqual([]);
  expect([scene.secretMount.files.size, scene.journal.bytes.size]).toEqual([0, 0]);
  expect(worker.hasSession).toBe(false);
});

test("the daemon's labels are on every container, and host ports bind the node's own address", async () => {
  const scene = new WorkerScene({}, { extraLabels: { "mswarm.lab": "l1" }, hostPortAddress: "127.0.0.3" });
  await scene.start();
  const endpoint = {
    ports: [
      { protocol: "TCP" as const, targetPort: 80, publishedPort: 8080, publishMode: "HOST" as const },
      { protocol: "TCP" as const, targetPort: 81, publishedPort: 8081, publishMode: "INGRESS" as const },
    ],
  };
  scene.manager.assign({ task: assignedTask("t1", {}, { endpoint }) });
  await scene.pass();
  const { spec } = scene.containerOf("t1");
  expect(spec.labels["mswarm.lab"]).toBe("l1");
  expect(spec.ports).toEqual([{ protocol: "tcp", containerPort: 80, hostPort: 8080, hostAddress: "127.0.0.3" }]);
  expect(scene.manager.lastStatus("t1")?.portStatus).toEqual({
    ports: [{ protocol: "TCP", targetPort: 80, publishedPort: 8080, publishMode: "HOST" }],
  });
});

test("a subscription gets the logs of the tasks it selects, and is closed", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.manager.assign(
    { task: assignedTask("t1", { command: ["sh", "-c", "echo one; echo bad >&2"] }) },
    { task: assignedTask("t2", { command: ["sh", "-c", "echo other"] }, { slot: "2", serviceId: "service2" }) },
  );
  await scene.pass();
  scene.manager.subscribe({ id: "sub1", selector: { serviceIds: ["service1"] }, options: {} });
  await scene.pass();
  const lines = scene.manager.published.get("sub1") ?? [];
  expect(lines.map(({ stream, data, context }) => [stream, data?.toString(), context])).toEqual([
    ["LOG_STREAM_STDOUT", "one\n", { serviceId: "service1", nodeId, taskId: "t1" }],
    ["LOG_STREAM_STDERR", "bad\n", { serviceId: "service1", nodeId, taskId: "t1" }],
  ]);
  expect(scene.manager.closedSubscriptions.has("sub1")).toBe(true);
});

test("a followed subscription sees new lines and new tasks until it is closed", async () => {
  const scene = new WorkerScene();
  await scene.start();
  scene.manager.assign({ task: assignedTask("t1") });
  await scene.pass();
  scene.manager.subscribe({ id: "sub1", selector: { serviceIds: ["service1"] }, options: { follow: true } });
  await scene.pass();
  scene.engine.write(scene.containerOf("t1"), "stdout", "late");
  scene.manager.assign({ task: assignedTask("t2", {}, { slot: "2" }) });
  await scene.pass(2_000);
  scene.engine.write(scene.containerOf("t2"), "stdout", "new");
  await scene.pass();
  const text = () => scene.manager.published.get("sub1")?.map(({ data }) => data?.toString());
  expect(text()).toEqual(["late\n", "new\n"]);
  expect(scene.manager.closedSubscriptions.size).toBe(0);
  scene.manager.subscribe({ id: "sub1", close: true });
  await scene.pass();
  expect(scene.manager.closedSubscriptions.has("sub1")).toBe(true);
});

const templateContainer = {
  image,
  env: [],
  groups: [],
  tty: false,
  openStdin: false,
  mounts: [],
  readOnlyRoot: false,
  resources: { ulimits: [] },
  capabilitiesAdd: [],
  capabilitiesDrop: [],
  dns: { nameservers: [], search: [], options: [] },
  extraHosts: [],
  sysctls: {},
  securityOptions: [],
  ports: [],
};
