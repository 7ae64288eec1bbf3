import { cryptoRandom, dataLoss, milliseconds, seconds, silentLogger, unavailable, whenAborted } from "@mswarm/runtime";
import { SimulatedClock } from "@mswarm/runtime/simulated";
import { expect, test } from "vitest";
import { type Ending, ManagerHost } from "./manager-host.ts";

class FakeManager {
  readonly handOvers: boolean[] = [];
  readonly end: (ending: Ending) => void;
  readonly #events: string[];

  constructor(events: string[], end: (ending: Ending) => void) {
    this.#events = events;
    this.end = end;
  }

  async stop({ handOver }: { handOver: boolean }): Promise<void> {
    this.handOvers.push(handOver);
    this.#events.push("stop");
  }
}

interface BenchOptions {
  readonly isManager?: boolean;
  readonly start?: (attempt: number, signal: AbortSignal) => Promise<void>;
}

function bench(options: BenchOptions = {}) {
  const clock = new SimulatedClock();
  const events: string[] = [];
  const role = { isManager: options.isManager ?? true };
  let attempts = 0;
  const host = new ManagerHost<FakeManager>({
    clock,
    random: cryptoRandom(),
    log: silentLogger(),
    isManager: () => role.isManager,
    startManager: async (onEnded, signal) => {
      attempts += 1;
      events.push("start");
      await options.start?.(attempts, signal);
      return new FakeManager(events, onEnded);
    },
    clearLog: async () => void events.push("clear"),
    onRemoved: () => void events.push("renew"),
  });
  const abort = new AbortController();
  const running = host.run(abort.signal);
  const soon = (): Promise<void> => clock.advance(milliseconds(1));
  const end = async (): Promise<void> => {
    abort.abort();
    await running;
  };
  return { host, clock, events, role, soon, end, attempts: () => attempts };
}

test("a manager runs while the certificate says so, and hands over when the node stops", async () => {
  const { host, events, soon, end } = bench();
  await soon();
  const { manager } = host;
  expect(events).toEqual(["start"]);
  await end();
  expect(events).toEqual(["start", "stop"]);
  expect(manager?.handOvers).toEqual([true]);
  expect(host.manager).toBeUndefined();
});

test("a worker runs none, and what a crash between demotion and cleaning has left is deleted", async () => {
  const { host, events, soon, end } = bench({ isManager: false });
  await soon();
  expect(host.manager).toBeUndefined();
  expect(events).toEqual(["clear"]);
  await end();
});

test("promotion starts a manager, demotion stops it and deletes its log, in this order", async () => {
  const { host, role, events, soon, end } = bench({ isManager: false });
  await soon();
  role.isManager = true;
  host.roleChanged();
  await soon();
  expect(host.manager).toBeDefined();
  role.isManager = false;
  host.roleChanged();
  await soon();
  expect(host.manager).toBeUndefined();
  expect(events).toEqual(["clear", "start", "stop", "clear"]);
  await end();
});

test("a role that flaps ends where the certificate stands, and a log is never deleted under a manager", async () => {
  const { host, role, events, soon, end } = bench();
  await soon();
  for (const isManager of [false, true, false, true]) {
    role.isManager = isManager;
    host.roleChanged();
  }
  await soon();
  expect(host.manager).toBeDefined();
  expect(events).toEqual(["start"]);
  await end();
});

test("a start that fails is tried again with growing pauses, and says why meanwhile", async () => {
  const { host, clock, soon, end, attempts } = bench({
    start: async (attempt) => {
      if (attempt < 4) throw unavailable("the address is in use");
    },
  });
  await soon();
  expect(host.failure?.message).toBe("the address is in use");
  expect(host.manager).toBeUndefined();
  await clock.advance(seconds(30));
  expect(attempts()).toBe(4);
  expect(host.failure).toBeUndefined();
  expect(host.manager).toBeDefined();
  await end();
});

test("lost data is not tried again by itself, but after the next certificate", async () => {
  const { host, clock, end, attempts } = bench({ start: () => Promise.reject(dataLoss("the log is damaged")) });
  await clock.advance(seconds(600));
  expect(attempts()).toBe(1);
  expect(host.failure?.message).toBe("the log is damaged");
  host.roleChanged();
  await clock.advance(seconds(1));
  expect(attempts()).toBe(2);
  await end();
});

test("a manager whose disk failed is stopped and started again", async () => {
  const { host, clock, events, soon, end } = bench();
  await soon();
  host.manager?.end({ reason: "failed", error: unavailable("the disk is full") });
  await soon();
  expect(host.manager).toBeUndefined();
  expect(host.failure?.message).toBe("the disk is full");
  await clock.advance(seconds(20));
  expect(host.manager).toBeDefined();
  expect(events).toEqual(["start", "stop", "start"]);
  await end();
});

test("a manager that fails soon after each start is not restarted in a hurry", async () => {
  const { host, clock, end, attempts } = bench();
  for (let failures = 0; failures < 200; failures += 1) {
    await clock.advance(milliseconds(500));
    host.manager?.end({ reason: "failed", error: unavailable("again") });
  }
  expect(attempts()).toBeLessThan(60);
  await end();
});

test("what a manager says after it was replaced does not matter", async () => {
  const { host, clock, soon, end, attempts } = bench();
  await soon();
  const old = host.manager;
  old?.end({ reason: "failed", error: unavailable("the disk is full") });
  await clock.advance(seconds(20));
  expect(attempts()).toBe(2);
  old?.end({ reason: "removed" });
  await clock.advance(seconds(20));
  expect(attempts()).toBe(2);
  expect(host.manager).toBeDefined();
  await end();
});

test("a removed manager stops, deletes its log and asks for a worker's certificate", async () => {
  const { host, role, clock, events, soon, end } = bench();
  await soon();
  host.manager?.end({ reason: "removed" });
  await soon();
  expect(events).toEqual(["start", "stop", "clear", "renew"]);
  expect(host.wasRemoved).toBe(true);
  role.isManager = false;
  host.roleChanged();
  await clock.advance(seconds(60));
  expect(events).toEqual(["start", "stop", "clear", "renew", "clear"]);
  expect(host.wasRemoved).toBe(false);
  await end();
});

test("a removed manager that still is one after 16 seconds joins Raft again", async () => {
  const { host, clock, end, attempts } = bench();
  await clock.advance(seconds(1));
  host.manager?.end({ reason: "removed" });
  await clock.advance(seconds(15));
  expect(attempts()).toBe(1);
  await clock.advance(seconds(2));
  expect(attempts()).toBe(2);
  expect(host.wasRemoved).toBe(false);
  await end();
});

const untilAborted = async (_attempt: number, signal: AbortSignal): Promise<void> => {
  await whenAborted(signal);
  throw unavailable("not admitted");
};

test("a node that stops does not wait for its admission to Raft", async () => {
  const { soon, end, host } = bench({ start: untilAborted });
  await soon();
  await end();
  expect(host.manager).toBeUndefined();
});

test("a demotion ends an admission that is under way, which is no failure", async () => {
  const { host, role, soon, events, end } = bench({ start: untilAborted });
  await soon();
  role.isManager = false;
  host.roleChanged();
  await soon();
  expect(host.failure).toBeUndefined();
  expect(events).toEqual(["start", "clear"]);
  await end();
});
