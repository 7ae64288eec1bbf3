// Raft over real sockets. The same suite for both ways to carry messages.
import { createServer } from "node:net";
import { seconds } from "@mswarm/runtime";
import { afterEach, describe, expect, test } from "vitest";
import { clock, createManagers, eventually, type Kind, type Managers, type RaftManager } from "./raft-managers.ts";

let managers: Managers;

afterEach(() => managers.stop());

const texts = (count: number): string[] => Array.from({ length: count }, (_, at) => `text ${at}`);
const propose = (manager: RaftManager, list: readonly string[]) =>
  Promise.all(manager.node.propose(list.map((text) => Buffer.from(text))));

async function three(kind: Kind, options: Parameters<typeof createManagers>[0] = {}): Promise<RaftManager> {
  managers = await createManagers(options);
  const first = await managers.start("1", "bootstrap", kind);
  await eventually(() => first.node.leadership.isLeader);
  for (const raftId of ["2", "3"]) {
    const joined = await managers.join(raftId, kind);
    await eventually(() => joined.node.status().applied === first.node.status().lastIndex);
  }
  return first;
}

for (const kind of ["mswarm", "docker"] as const) {
  describe(`managers of ${kind === "docker" ? "Docker's" : "our"} kind`, () => {
    test("recognise each other and replicate", async () => {
      const leader = await three(kind);
      await propose(leader, texts(500));
      await eventually(() => managers.all().every((manager) => manager.texts.list.length === 500));
      for (const manager of managers.all()) {
        expect(manager.texts.list).toEqual(texts(500));
        expect(manager.failures).toEqual([]);
      }
      expect(leader.transport.kindOf("2")).toBe(kind);
      expect(leader.node.reachable("2")).toBe(true);
    });

    test("elect another leader when theirs dies, and take it back as a follower", async () => {
      const leader = await three(kind);
      await propose(leader, texts(10));
      await leader.crash();
      await eventually(() => managers.leader() !== undefined);
      const successor = managers.leader();
      if (successor === undefined) throw new TypeError("nobody leads");
      await eventually(() => !successor.node.reachable("1"));
      await propose(successor, ["after"]);
      const back = await managers.start("1", "restart", kind);
      await eventually(() => back.texts.list.at(-1) === "after");
      expect(back.texts.list).toEqual([...texts(10), "after"]);
      await eventually(() => successor.node.reachable("1"));
    });

    test("send a follower that is far behind a snapshot of many megabytes, and go on meanwhile", async () => {
      const leader = await three(kind, { snapshotInterval: 20, entriesKept: 2 });
      const [, , third] = managers.all();
      if (third === undefined) throw new TypeError("three members");
      await third.crash();
      leader.texts.padding = 20_000_000;
      await propose(leader, texts(100));
      await eventually(() => leader.node.status().snapshotIndex > 50);
      const back = await managers.start("3", "restart", kind);
      await eventually(() => back.texts.list.length === 100);
      await eventually(() => back.node.members().length === 3);
      expect(back.node.members()).toEqual(leader.node.members());
      expect(leader.node.leadership.isLeader).toBe(true);
      await propose(leader, ["after"]);
      await eventually(() => back.texts.list.at(-1) === "after");
    });

    test("tell a member that it was removed", async () => {
      const leader = await three(kind);
      const [, second, third] = managers.all();
      if (second === undefined || third === undefined) throw new TypeError("three members");
      await eventually(() => leader.node.reachable("2") && leader.node.reachable("3"));
      await leader.node.removeMember("2");
      await eventually(() => second.removals() === 1);
      expect(leader.node.status().voters).toEqual(["1", "3"]);
      await eventually(() => third.node.status().voters.length === 2);
    });

    test("tell a member that it was removed while it was down", async () => {
      const leader = await three(kind);
      const second = managers.all()[1];
      if (second === undefined) throw new TypeError("three members");
      await eventually(() => leader.node.reachable("3"));
      await second.crash();
      await leader.node.removeMember("2");
      const { term } = leader.node.status();
      const back = await managers.start("2", "restart", kind);
      await eventually(() => back.removals() === 1);
      expect(leader.node.leadership).toMatchObject({ isLeader: true, term });
    });

    test("hand over leadership when the leader stops", async () => {
      // Ticks so long that nobody would campaign by himself before the bound.
      const leader = await three(kind, { tickInterval: seconds(2) });
      await eventually(() => leader.node.reachable("2") && leader.node.reachable("3"));
      await leader.stop();
      await eventually(() => managers.leader() !== undefined, seconds(15));
    });
  });
}

test("our kind and Docker's form one group", async () => {
  managers = await createManagers();
  const first = await managers.start("1", "bootstrap", "mswarm");
  await eventually(() => first.node.leadership.isLeader);
  await managers.join("2", "docker");
  await managers.join("3", "mswarm");
  await propose(first, texts(50));
  await eventually(() => managers.all().every((manager) => manager.texts.list.length === 50));
  expect([first.transport.kindOf("2"), first.transport.kindOf("3")]).toEqual(["docker", "mswarm"]);
});

test("a member that missed the leader's admission asks the others for its address", async () => {
  const first = await three("mswarm");
  const second = managers.all()[1];
  if (second === undefined) throw new TypeError("three members");
  await second.crash();
  const fourth = await managers.join("4");
  await eventually(() => fourth.node.status().applied === first.node.status().lastIndex);
  await first.node.transferLeadership("4");
  await eventually(() => fourth.node.leadership.isLeader);
  // Knows 1 and 3 from its log, and 4 not at all.
  const back = await managers.start("2", "restart");
  await eventually(() => back.node.members().length === 4);
  await propose(fourth, ["heard"]);
  await eventually(() => back.texts.list.includes("heard"));
});

test("a manager that accepts connections but never answers is noticed, and the group goes on without it", async () => {
  const leader = await three("mswarm");
  const third = managers.all()[2];
  if (third === undefined) throw new TypeError("three members");
  await eventually(() => leader.node.reachable("3"));
  await third.crash();
  const silent = createServer((socket) => socket.on("error", () => socket.destroy()));
  await new Promise<void>((resolve) => {
    const [host, port] = third.member.address.split(":");
    silent.listen(Number(port), host, resolve);
  });
  await eventually(() => !leader.node.reachable("3"));
  const began = clock.monotonic();
  await propose(leader, texts(200));
  expect(clock.monotonic() - began).toBeLessThan(seconds(20));
  silent.close();
});
