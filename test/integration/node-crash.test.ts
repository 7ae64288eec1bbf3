// A daemon that was killed between any two steps, or finds its state damaged: what its next start makes of it.
import { cp, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { plainContainer } from "@mswarm/engine/contract";
import { KeyRing, LevelLogStore } from "@mswarm/raft";
import { cryptoRandom, invariant, systemClock } from "@mswarm/runtime";
import { afterEach, expect, test } from "vitest";
import { Credentials } from "../../packages/node/src/credentials.ts";
import { eventually } from "../support/eventually.ts";
import { failureOf, type TestDaemon, TestDaemons } from "./node-daemon.ts";

const clock = systemClock();
const random = cryptoRandom();
const daemons = new TestDaemons();
afterEach(() => daemons.dispose());

test.each(["initialising after its log began", "initialising after its keys were made"])(
  "a daemon killed while %s starts as if it had never been asked",
  async (moment) => {
    const made = await daemons.running();
    await made.init();
    await made.stop();
    await made.setPhase("initialising");
    if (moment.includes("keys")) await rm(join(made.stateDirectory, "raft"), { recursive: true });
    await made.start();
    await made.isUntouched();
    expect(made.complaints).toEqual(["the last run was interrupted: what it had begun has been undone"]);
    await made.init();
  },
);

test("a daemon killed before its join had a certificate starts as if it had never been asked", async () => {
  const made = await daemons.running();
  await made.stop();
  await writeFile(
    join(made.stateDirectory, "daemon.json"),
    JSON.stringify({ listenAddress: made.address, advertiseAddress: made.address, phase: "joining" }),
  );
  await made.start();
  await made.isUntouched();
});

test("a joining manager that is killed before it learned of its admission is admitted once", async () => {
  const [first, second] = [await daemons.running(), await daemons.running()];
  await first.init();
  const { nodeId } = await second.join(first, "manager");
  const raftId = second.raft.self.raftId;
  await second.stop();
  // Admitted, and killed before the answer came: the id it had reserved is all that it has.
  await keepOnlyReservation(second);
  await second.start();
  await eventually(() => expect(second.isReady).toBe(true));
  await eventually(() => expect(second.membership.state).toEqual({ kind: "active" }));
  expect(await second.phase()).toBe("member");
  expect(second.raft.self.raftId).toBe(raftId);
  const members = first.raft.members();
  expect(members.filter((member) => member.nodeId === nodeId)).toHaveLength(1);
  expect(members).toHaveLength(2);
});

test("a manager whose log was deleted joins Raft again under a new id", async () => {
  const [first, second, third] = [await daemons.running(), await daemons.running(), await daemons.running()];
  await first.init();
  await second.join(first, "manager");
  await third.join(first, "manager");
  const old = second.raft.self.raftId;
  await second.stop();
  await rm(join(second.stateDirectory, "raft"), { recursive: true });
  await second.start();
  await eventually(() => expect(second.isReady).toBe(true));
  const { raftId } = second.raft.self;
  expect(raftId).not.toBe(old);
  const members = first.raft.members();
  expect(members.map((member) => member.raftId)).toContain(raftId);
  expect(members.map((member) => member.raftId)).not.toContain(old);
  expect(members).toHaveLength(3);
});

test("the only manager whose log was deleted says so, and what it could do", async () => {
  const made = await daemons.running();
  await made.init();
  await made.stop();
  await rm(join(made.stateDirectory, "raft"), { recursive: true });
  await made.start();
  await eventually(() => expect(made.membership.state.kind).toBe("error"));
  expect(JSON.stringify(made.membership.state)).toContain("no other manager is known");
  expect(await failureOf(made.membership.leave(false))).toContain("participating as a manager");
  await made.membership.leave(true);
  await made.isUntouched();
});

test("a manager's log in the state directory of another node is refused", async () => {
  const [first, second] = [await daemons.running(), await daemons.running()];
  await first.init();
  await second.join(first, "manager");
  await second.stop();
  await first.stop();
  await rm(join(second.stateDirectory, "raft"), { recursive: true });
  await cp(join(first.stateDirectory, "raft"), join(second.stateDirectory, "raft"), { recursive: true });
  await second.start();
  await eventually(() => expect(second.membership.state.kind).toBe("error"));
  expect(JSON.stringify(second.membership.state)).toContain(
    "is sealed with a key that this node's certificates do not",
  );
});

test("state that nobody can use is kept, said, and deleted only when the node leaves", async () => {
  const made = await daemons.running();
  await made.init();
  await made.stop();
  await rm(join(made.stateDirectory, "daemon.json"));
  await made.start();
  expect(JSON.stringify(made.membership.state)).toContain("daemon.json is missing from the state directory");
  expect(await failureOf(made.init())).toContain("already part of a swarm");
  expect(await failureOf(made.membership.leave(false))).toContain("participating as a manager");
  expect(await readdir(made.stateDirectory)).toContain("certificates");
  await made.membership.leave(true);
  await made.isUntouched();
  await made.init();
});

const sleeper = plainContainer("sleeper", "busybox");

test("leaving removes the containers of a node that cannot be started any more", async () => {
  const made = await daemons.running();
  const nodeId = await made.init();
  await made.stop();
  await rm(join(made.stateDirectory, "daemon.json"));
  const labels = { "com.docker.swarm.node.id": nodeId, "com.docker.swarm.task.id": "t1" };
  made.engine.images.add("busybox");
  await made.engine.createContainer({ ...sleeper, labels });
  await made.engine.createContainer({ ...sleeper, name: "somebody-else", labels: {} });
  await made.start();
  await made.membership.leave(true);
  expect(made.engine.containers.map(({ spec }) => spec.name)).toEqual(["somebody-else"]);
});

/** Leaves of a manager's log what it had written before it asked to be admitted. */
async function keepOnlyReservation(daemon: TestDaemon): Promise<void> {
  const credentials = await Credentials.load(join(daemon.stateDirectory, "certificates"), { clock, random });
  invariant(credentials !== undefined, "a member has credentials");
  const directory = join(daemon.stateDirectory, "raft");
  const open = async (): Promise<LevelLogStore> =>
    await LevelLogStore.open({ directory, keys: new KeyRing(await credentials.raftDek()), random });
  const old = await open();
  const { identity } = await old.load();
  await old.close();
  invariant(identity !== undefined, "a manager's log has an owner");
  await rm(directory, { recursive: true });
  const store = await open();
  await store.load();
  await store.saveIdentity({ self: identity.self, members: [] });
  await store.close();
  await daemon.setPhase("joining");
}
