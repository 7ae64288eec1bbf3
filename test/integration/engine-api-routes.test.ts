// The swarm routes of Docker's face on a daemon without its process: a real manager and its store, an engine in memory.
import { createServer } from "node:http";
import { systemClock } from "@mswarm/runtime";
import Dockerode from "dockerode";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { askOverUnix, type HttpQuestion } from "../support/http-over-unix.ts";
import { type TestDaemon, TestDaemons } from "./node-daemon.ts";

const daemons = new TestDaemons();
let manager: TestDaemon;

interface Reply {
  readonly status: number;
  readonly contentType: string;
  readonly json: unknown;
  readonly bytes: Buffer;
}

async function ask(daemon: TestDaemon, method: string, path: string, more: Partial<HttpQuestion> = {}): Promise<Reply> {
  const answer = await askOverUnix(daemon.apiPath, { method, path, ...more });
  const isJson = answer.contentType === "application/json";
  return { ...answer, json: isJson ? (JSON.parse(answer.body.toString()) as unknown) : undefined, bytes: answer.body };
}
const get = (path: string): Promise<Reply> => ask(manager, "GET", path);
const post = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Reply> =>
  ask(manager, "POST", path, { body, headers });

interface DockerService {
  readonly ID: string;
  readonly Version: { readonly Index: number };
  readonly Spec: { readonly TaskTemplate: { readonly ContainerSpec: object; readonly Placement?: object } };
}
const serviceOf = async (name: string): Promise<DockerService> =>
  (await get(`/services/${name}`)).json as DockerService;
/** The service with another spec, as it is by then: the manager writes on it too, above all when it is new. */
async function updated(name: string, change: object, query = "", headers: Record<string, string> = {}): Promise<void> {
  await eventually(async () => {
    const { Version } = await serviceOf(name);
    const answer = await post(`/services/${name}/update?version=${Version.Index}${query}`, change, headers);
    expect(answer).toMatchObject({ status: 200 });
  });
}
const spec = (name: string, container: object = {}, more: object = {}): object => ({
  Name: name,
  TaskTemplate: { ContainerSpec: { Image: "app:1", ...container } },
  ...more,
});
/** What is in the store, credentials included. */
const stored = (name: string): { pullOptions?: { registryAuth?: string }; image?: string } | undefined => {
  const running = manager.membership.manager();
  if (typeof running === "string") return undefined;
  const found = running.store.save().services?.find((each) => each.spec?.annotations?.name === name);
  return found?.spec?.task?.container;
};

beforeAll(async () => {
  manager = await daemons.running();
  manager.engine.images.add("app:1");
  await manager.serveFace();
  const { address } = manager;
  const made = await post("/swarm/init", {
    ListenAddr: address,
    AdvertiseAddr: address,
    Spec: { Orchestration: { TaskHistoryRetentionLimit: 2 }, Labels: { made: "here" } },
  });
  expect(made.status).toBe(200);
});
afterAll(() => daemons.dispose());

test("init takes the settings it is sent, and keeps the defaults of the others", async () => {
  expect((await get("/swarm")).json).toMatchObject({
    Spec: {
      Name: "default",
      Labels: { made: "here" },
      Orchestration: { TaskHistoryRetentionLimit: 2 },
      Raft: { SnapshotInterval: 10_000 },
      Dispatcher: { HeartbeatPeriod: 5_000_000_000 },
    },
    JoinTokens: { Worker: manager.joinTokens().worker },
  });
});

test("rotating a join token replaces that one only", async () => {
  const before = manager.joinTokens();
  await eventually(async () => {
    const { Version, Spec } = (await get("/swarm")).json as { Version: { Index: number }; Spec: object };
    const answer = await post(`/swarm/update?version=${Version.Index}&rotateWorkerToken=true`, Spec);
    expect(answer).toMatchObject({ status: 200, contentType: "" });
  });
  expect(manager.joinTokens().manager).toBe(before.manager);
  expect(manager.joinTokens().worker).not.toBe(before.worker);
});

test("credentials of a registry reach the store and no answer; an update without any keeps them", async () => {
  const credentials = Buffer.from('{"username":"u","password":"hunter2"}').toString("base64url");
  await post("/services/create", spec("private"), { "X-Registry-Auth": credentials });
  expect(stored("private")?.pullOptions?.registryAuth).toBe(credentials);
  await updated("private", spec("private", { Env: ["A=1"] }));
  expect(stored("private")?.pullOptions?.registryAuth).toBe(credentials);
  for (const path of ["/services", "/services/private", "/tasks"]) {
    const { bytes } = await get(path);
    expect(bytes.toString()).not.toContain(credentials);
    expect(bytes.toString()).not.toContain("PullOptions");
  }
});

test("registryAuthFrom=previous-spec goes back to the credentials of the spec before", async () => {
  await post("/services/create", spec("twice"), { "X-Registry-Auth": "b25l" });
  await updated("twice", spec("twice"), "", { "X-Registry-Auth": "dHdv" });
  expect(stored("twice")?.pullOptions?.registryAuth).toBe("dHdv");
  await updated("twice", spec("twice"), "&registryAuthFrom=previous-spec");
  expect(stored("twice")?.pullOptions?.registryAuth).toBe("b25l");
});

test("what an old client cannot know is not read from it", async () => {
  const container = { Sysctls: { a: "1" }, CapabilityAdd: ["CAP_CHOWN"], Configs: [] };
  const task = { ContainerSpec: { Image: "app:1", ...container }, Placement: { MaxReplicas: 3 } };
  await post("/v1.39/services/create", { Name: "old", TaskTemplate: task });
  await post("/v1.41/services/create", { Name: "new", TaskTemplate: task });
  const old = (await serviceOf("old")).Spec.TaskTemplate;
  expect(old.ContainerSpec).toEqual({ Image: "app:1", Isolation: "default" });
  expect(old.Placement).toEqual({});
  expect((await serviceOf("new")).Spec.TaskTemplate).toMatchObject({
    ContainerSpec: { Sysctls: { a: "1" }, CapabilityAdd: ["CAP_CHOWN"] },
    Placement: { MaxReplicas: 3 },
  });
});

test("an image is pinned for clients that leave it to the daemon, with the credentials they sent", async () => {
  const digest = `sha256:${"a".repeat(64)}`;
  const seen: string[] = [];
  const engine = createServer((request, response) => {
    seen.push(`${request.url} ${String(request.headers["x-registry-auth"])}`);
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify({ Descriptor: { digest } }));
  });
  await new Promise<void>((resolve) => engine.listen(manager.enginePath, resolve));
  const pinned = await post("/v1.29/services/create", spec("pinned", { Image: "host:5000/app" }), {
    "X-Registry-Auth": "e30=",
  });
  engine.closeAllConnections();
  await new Promise((resolve) => engine.close(resolve));
  expect(pinned.status).toBe(201);
  expect(stored("pinned")?.image).toBe(`host:5000/app:latest@${digest}`);
  expect(seen).toContain("/distribution/host:5000/app:latest/json e30=");
  const warned = await post("/v1.29/services/create", spec("unpinned"));
  expect(warned.json).toMatchObject({
    Warnings: [expect.stringMatching(/^image app:1 could not be accessed on a registry to record\nits digest\./)],
  });
  expect(stored("unpinned")?.image).toBe("app:1");
});

test("a prefix that several services have is refused, a name that is one's prefix is not", async () => {
  for (const name of ["twin-a", "twin-b"]) await post("/services/create", spec(name));
  const ids = ((await get("/services")).json as DockerService[]).map(({ ID }) => ID);
  const initials = ids.map((id) => id.slice(0, 1));
  const shared = initials.find((initial, index) => initials.indexOf(initial) !== index);
  if (shared !== undefined) {
    const count = initials.filter((initial) => initial === shared).length;
    expect(await get(`/services/${shared}`)).toMatchObject({
      status: 400,
      json: { message: `service ${shared} is ambiguous (${count} matches found)` },
    });
  }
  const [id = ""] = ids;
  expect(((await get(`/services/${id.slice(0, 20)}`)).json as DockerService).ID).toBe(id);
  expect(await get("/services/twin")).toMatchObject({ status: 404, json: { message: "service twin not found" } });
});

test("numbers of 64 bits come back digit by digit", async () => {
  const body = '{"Name":"big","TaskTemplate":{"ForceUpdate":9007199254740993,"ContainerSpec":{"Image":"app:1"}}}';
  expect((await post("/services/create", body)).status).toBe(201);
  expect((await get("/services/big")).bytes.toString()).toContain('"ForceUpdate":9007199254740993,');
});

test("a key that is sent twice is refused, also in two spellings", async () => {
  for (const body of ['{"Name":"a","Name":"b"}', '{"Name":"a","name":"b"}']) {
    expect((await post("/services/create", body)).status).toBe(400);
  }
});

test("logs of a service are frames with their streams, and bare lines for a terminal", async () => {
  const said = { Image: "app:1", Command: ["sh", "-c", "echo out; echo err >&2"] };
  await post("/services/create", { ...spec("talks", said), Labels: {} });
  const running = `/tasks?filters=${encodeURIComponent('{"service":["talks"]}')}`;
  await eventually(async () => expect((await get(running)).bytes.toString()).toContain('"State":"running"'));
  const frames = await eventually(async () => {
    const logs = await get("/v1.41/services/talks/logs?stdout=1&stderr=1&details=1&timestamps=1&tail=5");
    expect(logs).toMatchObject({ status: 200, contentType: "application/vnd.docker.raw-stream" });
    const found = framesOf(logs.bytes);
    expect(found.map(({ stream }) => stream).sort()).toEqual([1, 2]);
    return found;
  });
  for (const { stream, text } of frames) {
    expect(text).toMatch(
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z com\.docker\.swarm\.node\.id=\w{25},com\.docker\.swarm\.service\.id=\w{25},com\.docker\.swarm\.task\.id=\w{25} (out|err)/,
    );
    expect(text.includes(stream === 1 ? " out" : " err")).toBe(true);
  }
  const onlyErr = framesOf((await get("/services/talks/logs?stderr=1")).bytes);
  expect(onlyErr.map(({ stream }) => stream)).toEqual([2]);
});

function framesOf(bytes: Buffer): { readonly stream: number; readonly text: string }[] {
  const frames: { stream: number; text: string }[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at + 4);
    frames.push({ stream: bytes.readUInt8(at), text: bytes.subarray(at + 8, at + 8 + length).toString() });
    at += 8 + length;
  }
  return frames;
}

/** What dockerode's types do not always call a promise. */
const listed = (answer: unknown): Promise<readonly unknown[]> => Promise.resolve(answer as Promise<readonly unknown[]>);

test("dockerode's swarm calls work as they are", async () => {
  const docker = new Dockerode({ socketPath: manager.apiPath, host: undefined });
  expect((await docker.swarmInspect()) as object).toMatchObject({ Spec: { Name: "default" } });
  const secret = await docker.createSecret({ Name: "by-dockerode", Data: "eA==", Labels: {} });
  expect(await listed(docker.listSecrets({ filters: { names: ["by-dockerode"] } }))).toHaveLength(1);
  await secret.remove();
  await docker.createService({ Name: "by-dockerode", TaskTemplate: { ContainerSpec: { Image: "app:1" } } });
  const service = docker.getService("by-dockerode");
  await eventually(async () => {
    const { Version, Spec } = (await service.inspect()) as DockerService;
    await service.update({ ...Spec, version: Version.Index, Labels: { changed: "yes" } });
  });
  expect(await listed(docker.listServices({ filters: { label: ["changed=yes"] } }))).toMatchObject([
    { Spec: { Name: "by-dockerode" } },
  ]);
  await eventually(async () => {
    expect(await listed(docker.listTasks({ filters: { service: ["by-dockerode"] } }))).toHaveLength(1);
  });
  expect(await listed(docker.listNodes())).toHaveLength(1);
  await service.remove();
  await expect(service.inspect()).rejects.toMatchObject({ statusCode: 404 });
});

test("a worker says that it is none of its business", async () => {
  const worker = await daemons.running();
  await worker.serveFace();
  expect(await ask(worker, "GET", "/services")).toMatchObject({
    status: 503,
    json: { message: expect.stringMatching(/^This node is not a swarm manager\. Use "docker swarm init"/) },
  });
  const joined = await ask(worker, "POST", "/swarm/join", {
    body: {
      ListenAddr: worker.address,
      AdvertiseAddr: worker.address,
      RemoteAddrs: [manager.address],
      JoinToken: manager.joinTokens().worker,
    },
  });
  expect(joined).toMatchObject({ status: 200, contentType: "" });
  for (const [method, path] of [
    ["GET", "/nodes"],
    ["POST", "/swarm/unlock"],
    ["GET", "/swarm/unlockkey"],
  ] as const) {
    expect(await ask(worker, method, path, method === "POST" ? { body: {} } : {})).toMatchObject({
      status: 503,
      json: { message: expect.stringMatching(/Worker nodes can't be used to view or modify cluster state/) },
    });
  }
  const nodes = (await get("/nodes")).json as { ID: string; ManagerStatus?: object; Status: { State: string } }[];
  expect(nodes).toHaveLength(2);
  expect(await ask(worker, "POST", "/swarm/leave")).toMatchObject({ status: 200, contentType: "" });
  const start = systemClock().monotonic();
  const gone = nodes.find(({ ManagerStatus }) => ManagerStatus === undefined)?.ID ?? "";
  await eventually(async () => {
    expect((await ask(manager, "DELETE", `/nodes/${gone}`)).status).toBe(200);
  });
  expect(systemClock().monotonic() - start).toBeLessThan(30_000);
});
