// Names that mean something to JavaScript: nothing that a user or a node calls itself may reach an object's insides.
import { seconds } from "@mswarm/runtime";
import { codecOf, type ServiceSpec } from "@mswarm/wire";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ManagerGroup } from "../integration/manager-group.ts";
import { callLimit } from "../support/eventually.ts";
import { controlOf } from "./good-citizens.ts";
import { outcomeOf, wireMethods } from "./hostile-calls.ts";

const inTime = { timeout: callLimit };
const evilNames = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "__defineGetter__",
  "valueOf",
];
let group: ManagerGroup;
beforeAll(async () => {
  group = await ManagerGroup.start(1);
});
afterAll(() => group.stop());

/** Own properties under evil names, as JSON.parse makes them. */
const labels = (value: string): Record<string, string> =>
  Object.fromEntries(evilNames.map((name) => [name, `${name} ${value}`]));

/** What every object inherits is what it was. */
function isClean(): void {
  const plain: Record<string, unknown> = {};
  for (const name of [...evilNames, "polluted", "image"]) expect(Object.hasOwn(plain, name)).toBe(false);
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(plain["polluted"]).toBeUndefined();
  expect(`${plain}`).toBe("[object Object]");
}

test("a message keeps labels of any name", () => {
  const codec = codecOf<ServiceSpec>("docker.swarmkit.v1.ServiceSpec");
  const spec = { annotations: { name: "n", labels: labels("x") } };
  const read = codec.decode(codec.encode(spec)).annotations?.labels ?? {};
  expect(Object.entries(read).sort()).toEqual(Object.entries(labels("x")).sort());
  isClean();
});

test("services, secrets and nodes with such names and labels are refused or kept, never half", async () => {
  const control = controlOf(group.leader);
  for (const name of evilNames) {
    const annotations = { name, labels: labels(name) };
    const task = { container: { image: "busybox", labels: labels(name), env: [`${name}=x`] } };
    const made = await control
      .CreateService({ spec: { annotations, task, replicated: { replicas: "1" } } }, inTime)
      .then(
        ({ service }) => service,
        (error: unknown) => String(Reflect.get(error as object, "code")),
      );
    if (name.startsWith("_")) {
      expect(made).toBe("INVALID_ARGUMENT");
      continue;
    }
    if (typeof made === "string" || made === undefined) throw new TypeError(`service ${name}: ${String(made)}`);
    const { service } = await control.GetService({ serviceId: made.id ?? "" }, inTime);
    expect(Object.entries(service?.spec?.annotations?.labels ?? {}).sort()).toEqual(
      Object.entries(labels(name)).sort(),
    );
    const { services = [] } = await control.ListServices({ filters: { names: [name], labels: labels(name) } }, inTime);
    expect(services.map(({ spec }) => spec?.annotations?.name)).toEqual([name]);
    const secret = { annotations: { name, labels: labels(name) }, data: Buffer.from("x") };
    await control.CreateSecret({ spec: secret }, inTime);
  }
  for (const name of evilNames) {
    const { services = [] } = await control.ListServices({ filters: { labels: { [name]: "no such" } } }, inTime);
    expect(services).toEqual([]);
    const constraints = [`node.labels.${name}!=x`, `engine.labels.${name}==x`];
    const spec = {
      annotations: { name: `placed-${name.replaceAll("_", "")}` },
      task: { container: { image: "busybox" }, placement: { constraints } },
      replicated: { replicas: "1" },
    };
    await control.CreateService({ spec }, inTime).catch(() => undefined);
  }
  isClean();
});

test("a node that calls itself so, and headers of such names, change nothing", async () => {
  const worker = await group.worker();
  const channel = group.channel(worker, group.leader);
  const over = new AbortController();
  const generic = evilNames.map((kind) => ({ namedResourceSpec: { kind, value: kind } }));
  const description = {
    hostname: "__proto__",
    resources: { generic },
    engine: { engineVersion: "1", labels: labels("engine"), plugins: evilNames.map((name) => ({ type: name, name })) },
  };
  const dispatcher = channel.client("docker.swarmkit.v1.Dispatcher");
  const session = dispatcher.Session({ description }, { signal: over.signal })[Symbol.asyncIterator]();
  expect((await session.next()).value?.sessionId).toBeTruthy();
  const { nodes = [] } = await controlOf(group.leader).ListNodes({ filters: { names: ["__proto__"] } }, inTime);
  expect(nodes.map(({ id }) => id)).toEqual([worker.nodeId]);
  expect(Object.entries(nodes[0]?.description?.engine?.labels ?? {})).toHaveLength(evilNames.length);
  const headers = Object.fromEntries(evilNames.map((name) => [name.toLowerCase(), "polluted"]));
  for (const method of wireMethods) {
    if (method.isRequestStream || method.isResponseStream) continue;
    await outcomeOf(channel, method, { metadata: headers });
  }
  const health = channel.client("docker.swarmkit.v1.Health");
  for (const name of evilNames)
    await expect(health.Check({ service: name }, { timeout: seconds(5) })).rejects.toThrow();
  expect((await group.leader.local.client("docker.swarmkit.v1.Control").ListNodes({}, inTime)).nodes?.length).toBe(2);
  over.abort();
  isClean();
});
