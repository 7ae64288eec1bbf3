import { expect, test } from "vitest";
import { scriptedEngine } from "../testing/scripted-engine.ts";
import { bodyOf, startTestFace } from "../testing/test-face.ts";
import { containerListRoutes } from "./container-list-routes.ts";

const task = { Id: "t", Labels: { "com.docker.swarm.task": "" } };
const other = { Id: "o", Labels: {} };

async function listed(query: string): Promise<{ readonly body: string; readonly asked: string[] }> {
  const asked: string[] = [];
  const engine = scriptedEngine({ "/containers/json": [task, other, other] }, asked);
  const face = await startTestFace(containerListRoutes, { engine });
  return { body: await bodyOf(face, `GET /v1.41/containers/json?${query}`), asked };
}

test("without the filter the engine answers", async () => {
  const { body, asked } = await listed("all=1&filters=%7B%22label%22%3A%5B%22a%22%5D%7D");
  expect(JSON.parse(body)).toHaveLength(3);
  expect(asked).toContain('/v1.41/containers/json?all=1&filters={"label":["a"]}');
});

test("containers of tasks are those with the label, besides what else is filtered by", async () => {
  const { asked } = await listed(`filters=${encodeURIComponent('{"is-task":{"true":true},"label":{"a":true}}')}`);
  expect(asked.at(-1)).toBe('/v1.41/containers/json?filters={"label":["a","com.docker.swarm.task"]}');
});

test("other containers are those without it, and a limit counts them alone", async () => {
  const filters = `filters=${encodeURIComponent('{"is-task":["false"]}')}`;
  expect(JSON.parse((await listed(filters)).body)).toEqual([other, other]);
  const { body, asked } = await listed(`limit=1&${filters}`);
  expect(JSON.parse(body)).toEqual([other]);
  expect(asked.at(-1)).toBe("/v1.41/containers/json?filters={}");
});

test("another value is refused", async () => {
  expect((await listed(`filters=${encodeURIComponent('{"is-task":["perhaps"]}')}`)).body).toContain("Invalid filter");
});
