import { silentLogger, systemClock, whenAborted } from "@mswarm/runtime";
import type { WatchMessage } from "@mswarm/wire";
import { expect, test } from "vitest";
import { aloneState } from "../testing/test-face.ts";
import { SwarmEvents } from "./swarm-events.ts";

test("no request is served between the moment a node becomes a manager and the watch of its objects", async () => {
  let isManager = false;
  let hasBegun = false;
  async function* watch(signal: AbortSignal | undefined): AsyncGenerator<WatchMessage> {
    hasBegun = true;
    yield {};
    if (signal !== undefined) await whenAborted(signal);
  }
  const events = new SwarmEvents({
    context: {
      nodeState: () => ({ ...aloneState, kind: "active", isManager }),
      watch: async () => ({ Watch: (_request, options = {}) => watch(options.signal) }),
    },
    clock: systemClock(),
    log: silentLogger(),
  });
  events.start();
  await events.following();
  expect(hasBegun).toBe(false);
  isManager = true;
  await events.following();
  expect(hasBegun).toBe(true);
  await events.close();
});
