import { milliseconds, seconds } from "@mswarm/runtime";
import { SeededRandom, SimulatedClock, settle } from "@mswarm/runtime/simulated";
import { describe, expect, test } from "vitest";
import type { RaftId } from "../core/messages.ts";
import { type MemoryDisk, MemoryLogStore, memoryDisk } from "../disk/memory-log-store.ts";
import { FaultyLogStore, type WriteFault } from "../disk/testing/faulty-log-store.ts";
import type { RaftNodeOptions } from "./raft-node-options.ts";
import { memberOf, type Participant, TestGroup } from "./testing/test-group.ts";

interface Setup {
  readonly group: TestGroup;
  readonly clock: SimulatedClock;
  readonly disks: Map<RaftId, MemoryDisk>;
  /** Lets time pass until somebody leads. */
  untilLed(): Promise<Participant>;
}

function setUp(
  options: Omit<RaftNodeOptions, "start"> = {},
  fault?: WriteFault,
  disks = new Map<RaftId, MemoryDisk>(),
): Setup {
  const clock = new SimulatedClock();
  const openStore = async (raftId: RaftId) => {
    const disk = disks.get(raftId) ?? memoryDisk();
    disks.set(raftId, disk);
    const store = new MemoryLogStore(disk);
    return fault === undefined ? store : new FaultyLogStore(store, fault);
  };
  const group = new TestGroup({ clock, random: new SeededRandom(5), openStore, options });
  const untilLed = async (): Promise<Participant> => {
    for (let round = 0; round < 100; round += 1) {
      await clock.advance(milliseconds(100));
      const leader = group.leader();
      if (leader !== undefined) return leader;
    }
    throw new TypeError("nobody leads after ten seconds");
  };
  return { group, clock, disks, untilLed };
}

/** Three members, the first of which leads. */
async function threeMembers(options: Omit<RaftNodeOptions, "start"> = {}): Promise<Setup & { leader: Participant }> {
  const setup = setUp(options);
  await setup.group.bootstrap("1");
  const leader = await setup.untilLed();
  for (const raftId of ["2", "3"]) {
    await setup.group.join(raftId);
    await setup.clock.advance(seconds(1));
  }
  return { ...setup, leader };
}

const outcome = (promise: Promise<void>): Promise<string> =>
  promise.then(
    () => "applied",
    (error: unknown) => String(error),
  );

describe("a group of one", () => {
  test("leads at once, and applies proposals in order at the indexes it foretold", async () => {
    const { group } = setUp();
    const { node, machine } = await group.bootstrap("1");
    await settle();
    expect(node.leadership).toEqual({ isLeader: true, leaderId: "1", term: 2 });
    const { nextIndex } = node;
    const first = node.propose([Buffer.from("a"), Buffer.from("b")]);
    expect(node.nextIndex).toBe(nextIndex + 2);
    const second = node.propose([Buffer.from("c")]);
    await Promise.all([...first, ...second]);
    expect(machine.texts).toEqual(["a", "b", "c"]);
    expect(node.status().applied).toBe(nextIndex + 2);
    await group.stop();
  });

  test("proposals made while one batch is being written travel in the next, with one write", async () => {
    const { group, disks } = setUp();
    const { node } = await group.bootstrap("1");
    await settle();
    const before = disks.get("1")?.writes ?? 0;
    const all = Array.from({ length: 200 }, (_, at) => node.propose([Buffer.from(`${at}`)])).flat();
    await Promise.all(all);
    expect((disks.get("1")?.writes ?? 0) - before).toBeLessThanOrEqual(2);
    await group.stop();
  });

  test("goes on after a restart with everything that was acknowledged, and leads at once", async () => {
    const { group } = setUp({ snapshotInterval: 10, entriesKept: 3 });
    const { node } = await group.bootstrap("1");
    await settle();
    for (let at = 0; at < 25; at += 1) await node.propose([Buffer.from(`${at}`)])[0];
    await group.crash("1");
    const again = await group.start("1", { kind: "restart" });
    await settle();
    expect(again.node.leadership.isLeader).toBe(true);
    expect(again.machine.restores).toBe(1);
    expect(again.machine.texts).toEqual(Array.from({ length: 25 }, (_, at) => `${at}`));
    expect(again.node.members()).toEqual([memberOf("1")]);
    await group.stop();
  });

  test("refuses a proposal that is too large, and takes the next", async () => {
    const { group } = setUp();
    const { node } = await group.bootstrap("1");
    await settle();
    const [large, small] = node.propose([Buffer.alloc(1_572_865), Buffer.from("a")]);
    await expect(large).rejects.toThrow("raft: raft message is too large and can't be sent");
    await small;
    await group.stop();
  });

  test("does not begin a new cluster over an old log, nor restart without one", async () => {
    const { group } = setUp();
    await expect(group.start("1", { kind: "restart" })).rejects.toThrow(/has no raft log/);
    await group.bootstrap("1");
    await settle();
    await group.crash("1");
    await expect(group.bootstrap("1")).rejects.toThrow(/cannot begin with the log of another one/);
    await expect(group.start("1", { kind: "join", self: memberOf("2"), members: [] })).rejects.toThrow(
      /belongs to raft member 1, not to 2/,
    );
  });
});

describe("a disk that fails", () => {
  for (const reachesDisk of [false, true]) {
    const how = reachesDisk ? "after" : "before";
    test(`stops the node loudly, whichever write fails, and nothing acknowledged is lost (${how} the write)`, async () => {
      for (let write = 1; ; write += 1) {
        const disks = new Map<RaftId, MemoryDisk>();
        const { group } = setUp({ snapshotInterval: 4, entriesKept: 1 }, { write, reachesDisk }, disks);
        const acknowledged: string[] = [];
        const proposed: string[] = [];
        let failed = false;
        try {
          const { node, failures } = await group.bootstrap("1");
          await settle();
          for (let at = 0; at < 12; at += 1) {
            proposed.push(`${at}`);
            const result = await outcome(node.propose([Buffer.from(`${at}`)])[0] ?? Promise.resolve());
            if (result === "applied") acknowledged.push(`${at}`);
          }
          await settle();
          failed = failures.length === 1;
          if (failed) {
            expect(node.leadership.isLeader).toBe(false);
            await expect(node.propose([Buffer.from("late")])[0]).rejects.toThrow(/this manager has stopped: write/);
          }
          await node.stop();
        } catch (error) {
          expect(String(error)).toMatch(/failed on purpose/);
          failed = true;
        }
        if (!failed) {
          expect(acknowledged).toEqual(proposed);
          expect(write).toBeGreaterThan(15);
          return;
        }
        const after = setUp({}, undefined, disks);
        const disk = disks.get("1");
        const start =
          disk?.hardState === undefined
            ? ({ kind: "bootstrap", self: memberOf("1") } as const)
            : ({ kind: "restart" } as const);
        const { node, machine } = await after.group.start("1", start);
        await settle();
        expect(node.leadership.isLeader).toBe(true);
        expect(machine.texts.slice(0, acknowledged.length)).toEqual(acknowledged);
        expect(proposed.slice(0, machine.texts.length)).toEqual(machine.texts);
        await after.group.stop();
      }
    });
  }
});

describe("a group of three", () => {
  test("applies the same everywhere, and every member knows all addresses", async () => {
    const { group, clock, leader } = await threeMembers();
    await Promise.all(leader.node.propose(["a", "b", "c"].map((text) => Buffer.from(text))));
    await clock.advance(seconds(1));
    for (const { machine, node } of group.all()) {
      expect(machine.texts).toEqual(["a", "b", "c"]);
      expect(node.members()).toEqual(["1", "2", "3"].map(memberOf));
      expect(node.leadership.leaderId).toBe("1");
    }
    await group.stop();
  });

  test("proposals of a leader that is cut off are rejected, and replaced by those of its successor", async () => {
    const { group, clock, leader, untilLed } = await threeMembers();
    group.network.cut("1");
    const lost = leader.node.propose(["lost 1", "lost 2"].map((text) => Buffer.from(text))).map(outcome);
    await clock.advance(seconds(3));
    const text = "SwarmError: raft: failed to process the request: node lost leader status";
    expect(await Promise.all(lost)).toEqual([text, text]);
    expect(leader.node.leadership.isLeader).toBe(false);
    const successor = await untilLed();
    await Promise.all(successor.node.propose([Buffer.from("kept")]));
    group.network.heal("1");
    await clock.advance(seconds(3));
    for (const { machine } of group.all()) expect(machine.texts).toEqual(["kept"]);
    await group.stop();
  });

  test("a follower refuses proposals", async () => {
    const { group } = await threeMembers();
    await expect(group.get("2").node.propose([Buffer.from("x")])[0]).rejects.toThrow(/node lost leader status/);
    await expect(group.get("2").node.addMember(memberOf("4"))).rejects.toThrow(/node lost leader status/);
    await group.stop();
  });

  test("leadership is announced only when the own log is applied, and its loss at once", async () => {
    const { group, clock, leader, untilLed } = await threeMembers();
    const seen: boolean[] = [];
    for (const { node, machine } of group.all()) {
      node.onLeadership(({ isLeader }) => {
        if (!isLeader) return;
        seen.push(node.status().applied === node.status().lastIndex && machine.texts.length === 50);
      });
    }
    const texts = Array.from({ length: 50 }, (_, at) => Buffer.from(`${at}`));
    await Promise.all(leader.node.propose(texts));
    group.network.cut("1");
    await clock.advance(seconds(3));
    await untilLed();
    expect(seen).toEqual([true]);
    await group.stop();
  });

  test("a leader that stops hands over first, so that nobody waits for an election timeout", async () => {
    const { group, clock, leader } = await threeMembers();
    const stopping = leader.node.stop();
    await clock.advance(milliseconds(200));
    await stopping;
    expect(group.leader()?.node.self.raftId).not.toBe("1");
    expect(group.leader()).toBeDefined();
    await group.stop();
  });

  test("a leader without a successor stops after an election timeout", async () => {
    const { group, clock, leader } = await threeMembers();
    group.network.cut("2");
    group.network.cut("3");
    const stopping = leader.node.stop();
    await clock.advance(seconds(2));
    await stopping;
    await group.stop();
  });

  test("a follower that is far behind gets a snapshot, and the members with it", async () => {
    const { group, clock, leader } = await threeMembers({ snapshotInterval: 10, entriesKept: 2 });
    await group.crash("3");
    for (let at = 0; at < 35; at += 1) await leader.node.propose([Buffer.from(`${at}`)])[0];
    const { machine, node } = await group.start("3", { kind: "restart" });
    await clock.advance(seconds(3));
    expect(machine.restores).toBeGreaterThan(0);
    expect(machine.texts).toEqual(Array.from({ length: 35 }, (_, at) => `${at}`));
    expect(node.members()).toEqual(["1", "2", "3"].map(memberOf));
    await Promise.all(leader.node.propose([Buffer.from("more")]));
    await clock.advance(seconds(1));
    expect(machine.texts.at(-1)).toBe("more");
    await group.crash("3");
    const again = await group.start("3", { kind: "restart" });
    await clock.advance(seconds(1));
    expect(again.machine.texts).toEqual(leader.machine.texts);
    await group.stop();
  });

  test("a member that joins after a compaction gets the state and every address", async () => {
    const { group, clock, leader } = await threeMembers({ snapshotInterval: 10, entriesKept: 0 });
    for (let at = 0; at < 35; at += 1) await leader.node.propose([Buffer.from(`${at}`)])[0];
    const { machine, node } = await group.join("4");
    await clock.advance(seconds(3));
    expect(machine.texts).toEqual(leader.machine.texts);
    expect(
      node
        .members()
        .map(({ raftId }) => raftId)
        .sort(),
    ).toEqual(["1", "2", "3", "4"]);
    expect(node.status().voters).toEqual(["1", "2", "3", "4"]);
    await group.stop();
  });

  test("a removed member learns it, is remembered for ever, and its id is not taken again", async () => {
    const { group, clock, leader } = await threeMembers({ snapshotInterval: 5, entriesKept: 0 });
    await Promise.all([leader.node.removeMember("3"), clock.advance(seconds(1))]);
    for (let at = 0; at < 12; at += 1) await leader.node.propose([Buffer.from(`${at}`)])[0];
    await clock.advance(seconds(1));
    expect(leader.node.members()).toEqual(["1", "2"].map(memberOf));
    await expect(leader.node.addMember(memberOf("3"))).rejects.toThrow("raft: member was removed from the cluster");
    await leader.node.removeMember("3");
    await group.crash("2");
    const again = await group.start("2", { kind: "restart" });
    expect(again.node.isRemoved("3")).toBe(true);
    await group.stop();
  });

  test("a member is not removed when the others could not go on without it", async () => {
    const { group, leader, clock } = await threeMembers();
    group.network.cut("2");
    await expect(leader.node.removeMember("3")).rejects.toThrow(
      "raft: member cannot be removed, because removing it may result in loss of quorum",
    );
    await expect(leader.node.removeMember("9")).rejects.toThrow("raft: member not found");
    const removal = leader.node.removeMember("2");
    await clock.advance(seconds(1));
    await removal;
    expect(leader.node.status().voters).toEqual(["1", "3"]);
    await group.stop();
  });

  test("a new address reaches every member", async () => {
    const { group, clock, leader } = await threeMembers();
    const moved = { ...memberOf("2"), address: "manager.example:4242" };
    const update = leader.node.updateMember(moved);
    await clock.advance(seconds(1));
    await update;
    for (const { node } of group.all()) expect(node.members()).toContainEqual(moved);
    await group.stop();
  });

  test("a longer tick takes effect while the node runs", async () => {
    const { group, clock, leader } = await threeMembers();
    for (const { node } of group.all()) node.setTickInterval(seconds(1));
    group.network.cut("1");
    await clock.advance(seconds(5));
    expect(leader.node.leadership.isLeader).toBe(true);
    await clock.advance(seconds(40));
    expect(leader.node.leadership.isLeader).toBe(false);
    expect(group.leader()).toBeDefined();
    await group.stop();
  });

  test("changes of membership asked for at the same time are done one after the other", async () => {
    const { group, clock, leader } = await threeMembers();
    const changes = Promise.all([leader.node.addMember(memberOf("4")), leader.node.addMember(memberOf("5"))]);
    await clock.advance(seconds(1));
    await changes;
    expect(leader.node.status().voters).toEqual(["1", "2", "3", "4", "5"]);
    await group.stop();
  });
});
