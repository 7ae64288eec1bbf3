import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isSwarmError } from "@mswarm/runtime";
import { expect, test } from "vitest";
import { dockerodeEngine } from "./dockerode-engine.ts";
import type { Engine } from "./engine.ts";

/** `use` with an engine that answers as `listener` does. */
async function withEngine(listener: RequestListener, use: (engine: Engine) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "mse-"));
  const server = createServer(listener);
  const path = join(folder, "s");
  await new Promise<void>((resolve) => server.listen(path, resolve));
  try {
    await use(dockerodeEngine(`unix://${path}`));
  } finally {
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true });
  }
}

const unavailable = (error: unknown): boolean => isSwarmError(error, "UNAVAILABLE");

test("an engine that ends in the middle of an answer is one that does not answer", async () => {
  await withEngine(
    (request, response) => {
      request.resume();
      // As dockerd does for a wait: the head at once, the body when the container has ended.
      response.writeHead(200, { "content-type": "application/json", "transfer-encoding": "chunked" });
      response.write('{"Stat', () => response.destroy());
    },
    async (engine) => {
      await expect(engine.waitContainer("c")).rejects.toSatisfy(unavailable);
      await expect(engine.inspectContainer("c")).rejects.toSatisfy(unavailable);
      await expect(engine.info()).rejects.toSatisfy(unavailable);
    },
  );
});

test("what the engine says against a request is in the failure", async () => {
  await withEngine(
    (request, response) => {
      request.resume();
      response.writeHead(500, { "content-type": "application/json" });
      response.end(JSON.stringify({ message: "no space left on device" }));
    },
    async (engine) => {
      await expect(engine.inspectContainer("c")).rejects.toThrow(/^no space left on device$/);
    },
  );
});
