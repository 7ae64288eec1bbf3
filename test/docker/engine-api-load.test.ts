// Docker's face under load: many open streams, readers that do not read, clients that vanish, an engine that restarts.
import { readdir, readFile } from "node:fs/promises";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { invariant } from "@mswarm/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DaemonProcess } from "../support/daemon-process.ts";
import { type DockerCli, dockerClis } from "../support/docker-cli.ts";
import { type DockerEngine, startDockerEngine } from "../support/docker-engine.ts";
import { eventually } from "../support/eventually.ts";
import { TestCluster } from "../support/test-cluster.ts";

let engine: DockerEngine;
let cluster: TestCluster;
let daemon: DaemonProcess;
let cli: DockerCli;

beforeAll(async () => {
  const [first] = await dockerClis();
  invariant(first !== undefined, "there is a command line");
  cli = first;
  engine = await startDockerEngine();
  cluster = await TestCluster.create(engine.address);
  daemon = cluster.add("m1");
  await daemon.start();
});
afterAll(async () => {
  await cluster?.stop();
  await engine?.stop();
});

interface Stream {
  readonly request: ClientRequest;
  readonly answer: IncomingMessage;
}

function open(path: string): Promise<Stream> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: daemon.apiPath, path, agent: false });
    asked.once("response", (answer) => {
      answer.on("error", () => undefined);
      resolve({ request: asked, answer });
    });
    asked.on("error", reject);
    asked.end();
  });
}

/** Status and body of a request. */
async function ask(path: string): Promise<{ readonly status: number; readonly body: string }> {
  const { answer } = await open(path);
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return { status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString() };
}

const openFiles = async (): Promise<number> => (await readdir(`/proc/${daemon.pid}/fd`)).length;
async function residentMegabytes(): Promise<number> {
  const status = await readFile(`/proc/${daemon.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(?<kilobytes>\d+)/.exec(status)?.groups?.["kilobytes"]) / 1024;
}

test("200 open streams of events and logs all hear what happens, and leave nothing when they vanish", async () => {
  const talker = "while read line; do echo $line; done";
  await cli.print(daemon.apiPath, "run", "-d", "--name", "quiet", engine.image, "sleep", "600");
  const before = await openFiles();
  const streams = await Promise.all([
    ...Array.from({ length: 100 }, () => open("/v1.41/events")),
    ...Array.from({ length: 100 }, () => open("/v1.41/containers/quiet/logs?follow=1&stdout=1&tail=0")),
  ]);
  // Two each; a connection that was about to close may have been counted before.
  expect(await openFiles()).toBeGreaterThan(before + 1.9 * streams.length);
  const heard = streams.slice(0, 100).map(({ answer }) => {
    const text: string[] = [];
    answer.on("data", (chunk: Buffer) => text.push(chunk.toString()));
    return text;
  });
  expect(
    await cli.run(daemon.apiPath, ["run", "--rm", "-i", engine.image, "sh", "-c", talker], { input: "x\n" }),
  ).toMatchObject({
    out: "x\n",
  });
  await eventually(() => {
    for (const text of heard) expect(text.join("")).toContain('"Action":"destroy"');
  });
  // The daemon still has time for others.
  expect((await ask("/v1.41/containers/json")).status).toBe(200);
  for (const { request: asked } of streams) asked.destroy();
  await eventually(async () => expect(await openFiles()).toBeLessThanOrEqual(before + 2));
  await cli.print(daemon.apiPath, "rm", "-f", "quiet");
});

test("readers that do not read cost the daemon no memory", async () => {
  const endless = "while true; do echo a line that is long enough to fill every buffer on its way some day; done";
  await cli.print(daemon.apiPath, "run", "-d", "--name", "endless", engine.image, "sh", "-c", endless);
  const streams = await Promise.all(
    Array.from({ length: 20 }, () => open("/v1.41/containers/endless/logs?follow=1&stdout=1")),
  );
  for (const { answer } of streams) answer.pause();
  // One that reads shows how much the others are behind: 15 MB each, if somebody kept it for them.
  const { answer: reader, request: reading } = await open("/v1.41/containers/endless/logs?follow=1&stdout=1");
  let seen = 0;
  let before = 0;
  for await (const chunk of reader) {
    seen += (chunk as Buffer).length;
    if (seen > 5_000_000) before ||= await residentMegabytes();
    if (seen > 20_000_000) break;
  }
  expect(await residentMegabytes()).toBeLessThan(before + 100);
  reading.destroy();
  expect(await residentMegabytes()).toBeLessThan(before + 100);
  for (const { request: asked } of streams) asked.destroy();
  await cli.print(daemon.apiPath, "rm", "-f", "endless");
});

test("thousands of requests, finished and abandoned, leave no file open and no memory in use", async () => {
  const round = async (): Promise<void> => {
    await Promise.all(Array.from({ length: 10 }, () => ask("/v1.41/containers/json?all=1")));
    const abandoned = await Promise.all(Array.from({ length: 5 }, () => open("/v1.41/events")));
    for (const { request: asked } of abandoned) asked.destroy();
  };
  for (let warm = 0; warm < 40; warm += 1) await round();
  const [files, memory] = [await openFiles(), await residentMegabytes()];
  for (let count = 0; count < 200; count += 1) await round();
  // Idle connections to the engine may stay: as many as there were questions at once.
  const kept = 10;
  await eventually(async () => expect(await openFiles()).toBeLessThanOrEqual(files + kept + 2));
  // V8 lets its heap grow for some ten thousand requests before it stays as it is: this finds what a request keeps for good
  // when it is 50 KB or more, as a stream with its buffers is.
  expect(await residentMegabytes()).toBeLessThan(memory + 150);
});

test("while the engine restarts its clients are told, and afterwards everything goes on", async () => {
  const events = await open("/v1.41/events");
  const ended = new Promise<void>((resolve) => events.answer.once("close", () => resolve()));
  events.answer.resume();
  const restarting = engine.restart();
  await ended;
  const during = await ask("/v1.41/containers/json").catch(() => ({ status: 503, body: "does not answer" }));
  if (during.status !== 200)
    expect(during).toMatchObject({ status: 503, body: expect.stringContaining("does not answer") });
  await restarting;
  expect((await ask("/v1.41/containers/json")).status).toBe(200);
  expect(await cli.print(daemon.apiPath, "run", "--rm", engine.image, "echo", "back")).toBe("back\n");
});

test("a daemon that was killed replaces its socket, and containers have not noticed", async () => {
  await cli.print(daemon.apiPath, "run", "-d", "--name", "survivor", engine.image, "sleep", "600");
  await daemon.restart();
  expect(await cli.print(daemon.apiPath, "ps", "--format", "{{.Names}}")).toContain("survivor");
  await cli.print(daemon.apiPath, "rm", "-f", "survivor");
});
