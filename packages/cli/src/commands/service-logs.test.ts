import { instantOf, unknownError } from "@mswarm/runtime";
import { SimulatedClock } from "@mswarm/runtime/simulated";
import type { LogMessage, SubscribeLogsRequestInput, Task } from "@mswarm/wire";
import { expect, test } from "vitest";
import type { Control, Logs } from "../cli-context.ts";
import { run, type TestRun, type TestSetting } from "../testing/test-context.ts";

const taskId = (slot: number): string => `${slot}taskaaaaaaaaaaaaaaaaaaaa`;
const tasks: readonly Task[] = [1, 10].map((slot) => ({
  id: taskId(slot),
  serviceId: "service1",
  nodeId: slot === 1 ? "node1" : "node2",
  slot: String(slot),
  spec: { container: {} },
  status: { state: "RUNNING", container: { containerId: "c" } },
}));
const service = {
  id: "service1",
  spec: { annotations: { name: "web" }, task: { container: { tty: false } }, replicated: { replicas: "10" } },
};
const nodes = [
  { id: "node1", description: { hostname: "alpha" }, status: { state: "READY" } },
  { id: "node2", description: { hostname: "beta" }, status: { state: "DOWN" } },
] as const;
const control: Partial<Control> = {
  GetService: async ({ serviceId }) => (serviceId === "web" || serviceId === "service1" ? { service } : {}),
  GetTask: async ({ taskId: id }) => ({
    ...one(
      "task",
      tasks.find((task) => task.id === id),
    ),
  }),
  GetNode: async ({ nodeId }) => ({
    ...one(
      "node",
      nodes.find(({ id }) => id === nodeId),
    ),
  }),
  ListTasks: async ({ filters }) => ({
    tasks: tasks.filter(
      ({ id = "" }) =>
        filters?.names === undefined && (filters?.idPrefixes?.some((prefix) => id.startsWith(prefix)) ?? true),
    ),
  }),
  ListNodes: async () => ({ nodes: [...nodes] }),
  ListServices: async ({ filters }) => ({ services: filters === undefined ? [service] : [] }),
};
const one = <K extends string, V>(key: K, value: V | undefined) =>
  (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: V };

const line = (slot: number, text: string, more: LogMessage = {}): LogMessage => ({
  context: { serviceId: "service1", nodeId: slot === 1 ? "node1" : "node2", taskId: taskId(slot) },
  timestamp: { seconds: "1700000000", nanos: 5 },
  stream: "LOG_STREAM_STDOUT",
  data: Buffer.from(text),
  ...more,
});

/** Runs `service logs …` against these lines, and tells what was asked for. */
async function logs(
  words: string,
  lines: readonly LogMessage[] = [],
  more: TestSetting & { readonly failure?: Error } = {},
): Promise<TestRun & { readonly request: SubscribeLogsRequestInput | undefined }> {
  let asked: SubscribeLogsRequestInput | undefined;
  const SubscribeLogs: Logs["SubscribeLogs"] = async function* (request) {
    asked = request;
    yield { messages: [...lines] };
    if (more.failure !== undefined) throw more.failure;
  };
  const result = await run(["service", "logs", ...words.split(" ")], { control, logs: { SubscribeLogs }, ...more });
  return { ...result, request: asked };
}

test("each line says whose it is, in one column whatever the slot; standard error goes there", async () => {
  const result = await logs("web", [
    line(1, "one\n"),
    line(10, "two\n"),
    line(1, "bad\n", { stream: "LOG_STREAM_STDERR" }),
  ]);
  expect(result).toMatchObject({
    exitCode: 0,
    out: "web.1.1taskaaaaaaa@alpha     | one\nweb.10.10taskaaaaaa@beta    | two\n",
    err: "web.1.1taskaaaaaaa@alpha     | bad\n",
    request: { selector: { serviceIds: ["service1"] }, options: { follow: false, tail: "0" } },
  });
});

test.each([
  ["--no-task-ids web", "web.1@alpha     | one\n"],
  ["--no-trunc web", `web.1.${taskId(1)}@alpha     | one\n`],
  ["--no-resolve web", "service1.1.1taskaaaaaaa@node1     | one\n"],
  ["--timestamps web", "2023-11-14T22:13:20.000000005Z web.1.1taskaaaaaaa@alpha     | one\n"],
  ["--details web", "web.1.1taskaaaaaaa@alpha     | a b=c,z=1 one\n"],
  ["--raw web", "one\n"],
  ["--raw -t web", "2023-11-14T22:13:20.000000005Z one\n"],
  [
    "--raw --details web",
    `a+b=c,com.docker.swarm.node.id=node1,com.docker.swarm.service.id=service1,com.docker.swarm.task.id=${taskId(1)},z=1 one\n`,
  ],
])("`service logs %s`", async (words, out) => {
  const attrs = [
    { key: "z", value: "1" },
    { key: "a b", value: "c" },
    { key: "com.docker.swarm.task.id", value: "forged" },
  ];
  expect(await logs(words, [line(1, "one\n", { attrs })])).toMatchObject({ exitCode: 0, out });
});

test("tail, since and follow go to the manager in its own counting", async () => {
  const clock = new SimulatedClock(instantOf(new Date(1_700_000_000_000)));
  const request = async (words: string) => (await logs(`${words} web`, [], { clock })).request?.options;
  expect(await request("--tail 5")).toEqual({ follow: false, tail: "-6" });
  expect(await request("--tail 0")).toEqual({ follow: false, tail: "-1" });
  expect(await request("-f --since 1m")).toEqual({
    follow: true,
    tail: "0",
    since: { seconds: "1699999940", nanos: 0 },
  });
  expect((await request("--since 2026-01-02T03:04:05.5Z"))?.since).toEqual({
    seconds: "1767323045",
    nanos: 500_000_000,
  });
  expect((await request("--since 1700000000.000000007"))?.since).toEqual({ seconds: "1700000000", nanos: 7 });
});

test.each([
  ["--tail -1 web", 2, "negative tail values not supported"],
  ["--tail many web", 2, 'tail value must be a positive integer or "all"'],
  ["--since yesterday web", 2, 'invalid argument "yesterday" for "--since" flag'],
  ["nothing", 1, "no such task or service: nothing"],
])("`service logs %s` is refused", async (words, exitCode, message) => {
  const result = await logs(words);
  expect(result).toMatchObject({ exitCode, out: "" });
  expect(result.err).toContain(message);
});

test("one task is selected by its id or the beginning of it", async () => {
  expect((await logs(taskId(10))).request?.selector).toEqual({ taskIds: [taskId(10)] });
  expect((await logs("1task")).request?.selector).toEqual({ taskIds: [taskId(1)] });
});

test("a service with a terminal has no lines to say whose they are: --raw only", async () => {
  const tty = { ...service, spec: { ...service.spec, task: { container: { tty: true } } } };
  const setting = { control: { ...control, GetService: async () => ({ service: tty }) } };
  expect(await logs("web", [line(1, "x")], setting)).toMatchObject({
    exitCode: 1,
    err: "tty service logs only supported with --raw\n",
    request: undefined,
  });
  expect(await logs("--raw web", [line(1, "\u001b[1mx\r\n")], setting)).toMatchObject({ out: "\u001b[1mx\r\n" });
});

test("what a node that is down has printed is named as missing: at the end, or at once when following", async () => {
  const failure = unknownError("warning: incomplete log stream. …: node node2 is not available");
  const missing = "logs of web.10.10taskaaaaaa are missing: node beta is down\n";
  expect(await logs("web", [line(1, "one\n")], { failure })).toMatchObject({
    exitCode: 1,
    out: "web.1.1taskaaaaaaa@alpha     | one\n",
    err: `${missing}error from daemon in stream: Error grabbing logs: ${failure.message}\n`,
  });
  expect(await logs("-f web")).toMatchObject({ exitCode: 0, err: missing });
});

test("a task that was deleted meanwhile still shows its lines", async () => {
  const gone = line(1, "last words\n", { context: { serviceId: "service1", nodeId: "node1", taskId: "gone" } });
  expect((await logs("web", [gone])).out).toBe("web.0.gone@alpha     | last words\n");
});
