import { randomUUID } from "node:crypto";
import { dockerodeEngine } from "@mswarm/engine";
import { engineContract } from "@mswarm/engine/contract";
import { systemClock } from "@mswarm/runtime";
import { afterAll, beforeAll, describe, test } from "vitest";
import { type DockerEngine, startDockerEngine } from "../support/docker-engine.ts";

let docker: DockerEngine;
beforeAll(async () => {
  docker = await startDockerEngine();
});
afterAll(() => docker?.stop());

describe("a Docker Engine keeps the engine's contract", () => {
  for (const { name, run } of engineContract) {
    test(name, async () => {
      const engine = dockerodeEngine(docker.address);
      const runId = `contract-${randomUUID().slice(0, 8)}`;
      try {
        await run({ engine, image: docker.image, runId, clock: systemClock() });
      } finally {
        for (const { id } of await engine.listContainers({ "mswarm.test": runId })) {
          await engine.removeContainer(id, { force: true });
        }
      }
    });
  }
});
