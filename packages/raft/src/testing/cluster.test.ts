// Stories of whole clusters, in calm weather but for what the story says.
import { expect, test } from "vitest";
import { RaftCluster } from "./cluster.ts";

const contentOf = (cluster: RaftCluster): (string | undefined)[] =>
  Array.from(
    { length: cluster.checker.lastCommitted },
    (_, position) => cluster.checker.committedAt(position + 1)?.content,
  )
    .filter((content) => content?.startsWith("normal p"))
    .map((content) => content?.slice("normal ".length));

test("a leader cut off from the majority steps down and its entry is lost", () => {
  const cluster = new RaftCluster({ seed: 1, members: 3 });
  const old = cluster.settle();
  const others = [...cluster.members.values()].filter((member) => member !== old);
  cluster.partition([old], others);
  expect(cluster.propose(old)).toBe("p1");
  cluster.run(400);
  expect(old.core?.isLeader).toBe(false);
  const successor = cluster.settle();
  expect(cluster.propose(successor)).toBe("p2");
  cluster.run(50);
  cluster.network.heal();
  cluster.run(300);
  expect(contentOf(cluster)).toEqual(["p2"]);
  expect(old.machine.digest).toBe(successor.machine.digest);
});

test("a member that returns after a long absence disturbs nobody", () => {
  const cluster = new RaftCluster({ seed: 2, members: 3 });
  const leader = cluster.settle();
  const away = [...cluster.members.values()].filter((member) => member !== leader).slice(0, 1);
  const { term } = leader.core ?? {};
  cluster.partition([...cluster.members.values()].filter((member) => !away.includes(member)));
  cluster.run(5_000);
  cluster.network.heal();
  cluster.run(500);
  expect(cluster.leader).toBe(leader);
  expect(leader.core?.term).toBe(term);
});

test("a newcomer to a compacted log starts from a snapshot that names it", () => {
  const cluster = new RaftCluster({ seed: 3, members: 3 });
  const leader = cluster.settle();
  for (const member of cluster.members.values()) {
    member.weather = { ...member.weather, snapshotInterval: 20, entriesKept: 2 };
  }
  for (let count = 0; count < 60; count += 1) {
    cluster.propose(leader);
    cluster.run(5);
  }
  const newcomer = cluster.join();
  expect(
    leader.ask((core) => core.proposeConfChange({ id: "1", type: "add", raftId: newcomer.id, context: undefined })),
  ).toBe(true);
  expect(cluster.run(1_000, () => newcomer.machine.index === leader.machine.index)).toBe(true);
  expect(newcomer.core?.status()).toMatchObject({ role: "follower", leaderId: leader.id });
  expect(newcomer.core?.voters).toContain(newcomer.id);
  expect(newcomer.core?.status().firstIndex).toBeGreaterThan(40);
});

test("a leader hands over in less than an election timeout", () => {
  const cluster = new RaftCluster({ seed: 4, members: 3 });
  const leader = cluster.settle();
  const heir = [...cluster.members.values()].find((member) => member !== leader);
  leader.ask((core) => core.transferLeadership(heir?.id ?? ""));
  expect(cluster.run(60, () => cluster.leader === heir)).toBe(true);
});

test("a cluster that lost its power comes back with everything it acknowledged", () => {
  const cluster = new RaftCluster({ seed: 5, members: 5 });
  for (let round = 0; round < 5; round += 1) {
    const leader = cluster.settle();
    for (let count = 0; count < 10; count += 1) {
      cluster.propose(leader);
      cluster.run(2);
    }
    for (const member of cluster.members.values()) member.crash();
    for (const member of cluster.members.values()) member.start();
  }
  cluster.settle();
  const committed = contentOf(cluster);
  expect(cluster.acknowledged.length).toBeGreaterThan(20);
  for (const { data } of cluster.acknowledged) expect(committed).toContain(data);
});

test("four of seven members suffice, three do not", () => {
  const cluster = new RaftCluster({ seed: 6, members: 7 });
  cluster.settle();
  for (const position of [1, 2, 3]) cluster.member(position).crash();
  const leader = cluster.settle();
  cluster.propose(leader);
  expect(cluster.run(100, () => cluster.acknowledged.length === 1)).toBe(true);
  [...cluster.members.values()].find((member) => member.isRunning && member !== leader)?.crash();
  cluster.propose(leader);
  expect(cluster.run(1_000, () => cluster.acknowledged.length === 2)).toBe(false);
});
