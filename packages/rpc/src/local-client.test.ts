import {
  type Clock,
  deferred,
  invariant,
  notFound,
  seconds,
  silentLogger,
  systemClock,
  unavailable,
} from "@mswarm/runtime";
import { SimulatedClock, settle } from "@mswarm/runtime/simulated";
import type { Handlers } from "@mswarm/wire";
import { afterEach, expect, test } from "vitest";
import {
  type BoundMethod,
  type BoundService,
  bindService,
  type Call,
  type ClientOf,
  type LeaderForwarder,
  localClient,
  roles,
} from "./index.ts";
import { startLoopback, testManager } from "./testing/index.ts";

type HealthClient = ClientOf<Handlers["docker.swarmkit.v1.Health"]>;

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

type Answer = (service: string, call: Call) => Promise<"SERVING" | "NOT_SERVING">;

const health = (answer: Answer, forward?: LeaderForwarder): BoundService =>
  bindService(
    "docker.swarmkit.v1.Health",
    { Check: async ({ service = "" }, call) => ({ status: await answer(service, call) }) },
    { Check: roles("swarm-manager") },
    forward === undefined ? {} : { forward },
  );

function clientOf(service: BoundService, clock: Clock = new SimulatedClock(), answers?: AbortSignal): HealthClient {
  const find = (path: string): BoundMethod => {
    const method = service.methods.find((candidate) => candidate.path === path);
    invariant(method !== undefined, "the method is served");
    return method;
  };
  return localClient("docker.swarmkit.v1.Health", {
    find,
    clock,
    log: silentLogger(),
    timeout: seconds(20),
    lifetime: () => answers,
  });
}

test("a call of this machine is handled here, as one of the control socket", async () => {
  const calls: Call[] = [];
  const client = clientOf(
    health(async (_service, call) => {
      calls.push(call);
      return "SERVING";
    }),
  );
  expect(await client.Check({ service: "Raft" })).toEqual({ status: "SERVING" });
  expect(calls[0]?.caller).toMatchObject({ identity: undefined, isLocal: true });
});

test("a call goes to the leader where another manager leads, as this manager's own", async () => {
  const calls: Call[] = [];
  const leader = await startLoopback({
    services: [
      health(async (_service, call) => {
        calls.push(call);
        return "SERVING";
      }),
    ],
  });
  cleanups.push(() => leader.close());
  const channel = await leader.channel(testManager("follower"));
  const client = clientOf(
    health(() => Promise.reject(unavailable("must not run here")), {
      leader: async () => ({ self: false, channel }),
    }),
    systemClock(),
  );
  expect(await client.Check({ service: "Raft" })).toEqual({ status: "SERVING" });
  expect(calls[0]?.caller).toMatchObject({ identity: { nodeId: "follower" }, forwarder: undefined });
});

test("failures keep their code and text; a defect tells nothing of its insides", async () => {
  const failing = clientOf(health(() => Promise.reject(notFound("node x not found"))));
  await expect(failing.Check({})).rejects.toMatchObject({ code: "NOT_FOUND", message: "node x not found" });
  const broken = clientOf(health(() => Promise.reject(new TypeError("secret insides"))));
  await expect(broken.Check({})).rejects.toMatchObject({
    code: "INTERNAL",
    message: expect.not.stringContaining("secret"),
  });
});

test("a call that is not answered in time fails, and its handler is told", async () => {
  const clock = new SimulatedClock();
  const told = deferred();
  const client = clientOf(
    health((_service, call) => {
      call.signal.addEventListener("abort", () => told.resolve());
      return new Promise(() => undefined);
    }),
    clock,
  );
  const answer = client.Check({});
  const failed = expect(answer).rejects.toMatchObject({
    code: "DEADLINE_EXCEEDED",
    message: "context deadline exceeded",
  });
  await settle();
  await clock.advance(seconds(20));
  await failed;
  await told.promise;
});

test("calls end with what answers them, and say why it ended", async () => {
  const manager = new AbortController();
  const client = clientOf(
    health(() => new Promise(() => undefined)),
    new SimulatedClock(),
    manager.signal,
  );
  const told = { code: "UNAVAILABLE", message: "what answers this call has stopped: no space left on device" };
  const failed = expect(client.Check({})).rejects.toMatchObject(told);
  await settle();
  manager.abort(unavailable("no space left on device"));
  await failed;
  await expect(client.Check({})).rejects.toMatchObject(told);
});

test("a call whose caller is gone already is not handled, one under way ends with its caller's reason", async () => {
  const handled: string[] = [];
  const client = clientOf(
    health((service) => {
      handled.push(service);
      return new Promise(() => undefined);
    }),
  );
  const gone = AbortSignal.abort(new Error("left before"));
  await expect(client.Check({ service: "before" }, { signal: gone })).rejects.toThrow("left before");
  const caller = new AbortController();
  const failed = expect(client.Check({ service: "meanwhile" }, { signal: caller.signal })).rejects.toThrow("left");
  await settle();
  caller.abort(new Error("left"));
  await failed;
  expect(handled).toEqual(["meanwhile"]);
});

test("the end of what answers ends every call under way, and none that has its answer", async () => {
  const manager = new AbortController();
  const client = clientOf(
    health((service) => (service === "quick" ? Promise.resolve("SERVING") : new Promise(() => undefined))),
    new SimulatedClock(),
    manager.signal,
  );
  expect(await client.Check({ service: "quick" })).toEqual({ status: "SERVING" });
  const failed = Promise.all(
    ["a", "b"].map((service) => expect(client.Check({ service })).rejects.toMatchObject({ code: "UNAVAILABLE" })),
  );
  await settle();
  manager.abort();
  await failed;
});
