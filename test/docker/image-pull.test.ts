import { dockerodeEngine, type Engine } from "@mswarm/engine";
import { isSwarmError } from "@mswarm/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DockerEngine, startDockerEngine } from "../support/docker-engine.ts";
import { type ImageRegistry, serveImage } from "./image-registry.ts";

let docker: DockerEngine;
let engine: Engine;
let open: ImageRegistry;
let guarded: ImageRegistry;
beforeAll(async () => {
  [docker, open, guarded] = await Promise.all([startDockerEngine(), serveImage(), serveImage({ password: "p-4711" })]);
  engine = dockerodeEngine(docker.address);
});
afterAll(async () => {
  await Promise.all([docker?.stop(), open?.close(), guarded?.close()]);
});

const credentials = (password: string, host: string): string =>
  Buffer.from(JSON.stringify({ username: "u", password, serveraddress: host })).toString("base64url");

test("an image is pulled by its tag, from a registry with a port", async () => {
  const reference = `${open.host}/team/tool:1`;
  expect(await engine.hasImage(reference)).toBe(false);
  await engine.pullImage(reference, undefined);
  expect(await engine.hasImage(reference)).toBe(true);
});

test("an image is pulled by its digest, with or without a tag before it", async () => {
  for (const tag of ["", ":1"]) {
    const reference = `${open.host}/team/tool${tag}@${open.digest}`;
    await engine.pullImage(reference, undefined);
    expect(await engine.hasImage(reference)).toBe(true);
  }
});

test("a reference without a tag asks for latest and nothing else", async () => {
  const before = open.requests.length;
  await expect(engine.pullImage(`${open.host}/team/tool`, undefined)).rejects.toSatisfy(isSwarmError);
  const asked = open.requests.slice(before);
  expect(asked).toContain("/v2/team/tool/manifests/latest");
  expect(asked.filter((path) => path.includes("tags/list"))).toEqual([]);
});

test("a pull that a registry refuses fails, and neither failure nor request tells the password", async () => {
  const reference = `${guarded.host}/team/tool:1`;
  for (const wrong of [undefined, credentials("wrong-p", guarded.host)]) {
    const failure = await engine.pullImage(reference, wrong).catch((error: unknown) => error);
    expect(failure).toSatisfy(isSwarmError);
    expect(String(failure)).not.toContain("wrong-p");
  }
  await engine.pullImage(reference, credentials("p-4711", guarded.host));
  expect(await engine.hasImage(reference)).toBe(true);
  expect(guarded.requests.join()).not.toContain("p-4711");
});
