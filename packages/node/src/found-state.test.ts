import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testAuthority } from "@mswarm/pki/testing";
import { cryptoRandom, dataLoss, hours } from "@mswarm/runtime";
import { SimulatedClock } from "@mswarm/runtime/simulated";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Credentials } from "./credentials.ts";
import { type Findings, findState, identityProblem, judge, type Verdict } from "./found-state.ts";
import { type NodeSettings, saveRemotes, saveSettings } from "./settings.ts";
import { openStateDirectory, type StateDirectory } from "./state-directory.ts";

const settings = (phase: NodeSettings["phase"]): NodeSettings => ({
  listenAddress: "a:1",
  advertiseAddress: "a:1",
  advertise: "",
  phase,
});
const damaged = { problem: "it is damaged", passes: false };
const nothing: Findings = { settings: undefined, identity: "none", remotes: "usable", hasLog: false };

test.each<[string, Partial<Findings>, Verdict["kind"]]>([
  ["an empty directory belongs to nobody", {}, "inactive"],
  ["a whole member goes on", { settings: settings("member"), identity: "usable", hasLog: true }, "member"],
  [
    "a manager that lost its log goes on, and joins Raft again",
    { settings: settings("member"), identity: "usable" },
    "member",
  ],
  ["a join with its certificate goes on", { settings: settings("joining"), identity: "usable" }, "member"],
  ["a join without one is undone", { settings: settings("joining") }, "undo"],
  ["an init is undone before it made its keys", { settings: settings("initialising") }, "undo"],
  ["an init is undone after it made its keys", { settings: settings("initialising"), identity: "usable" }, "undo"],
  [
    "an init is undone after it began its log",
    { settings: settings("initialising"), identity: "usable", hasLog: true },
    "undo",
  ],
  [
    "an init is undone whatever its files look like",
    { settings: settings("initialising"), identity: damaged, remotes: damaged },
    "undo",
  ],
  ["a member without certificates is not taken for a newcomer", { settings: settings("member") }, "broken"],
  ["a log without anything else is not taken for nothing", { hasLog: true }, "broken"],
  ["certificates without daemon.json say so", { identity: "usable" }, "broken"],
  ["a damaged daemon.json stops the start", { settings: damaged, identity: "usable" }, "broken"],
  ["damaged certificates stop the start", { settings: settings("member"), identity: damaged }, "broken"],
  [
    "a joining node with damaged certificates is known to its cluster: a person decides",
    { settings: settings("joining"), identity: damaged },
    "broken",
  ],
  [
    "damaged known managers stop the start",
    { settings: settings("member"), identity: "usable", remotes: damaged },
    "broken",
  ],
])("%s", (_sentence, found, kind) => {
  expect(judge({ ...nothing, ...found }).kind).toBe(kind);
});

let folder: string;
let state: StateDirectory;
const clock = new SimulatedClock();
const parts = { clock, random: cryptoRandom() };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mswarm-found-"));
  state = await openStateDirectory(join(folder, "state"));
});
afterEach(async () => {
  await state.release();
  await rm(folder, { recursive: true, force: true });
});

async function storeMember(): Promise<string> {
  const authority = await testAuthority({ clock });
  const { certificatePem, keyPem, nodeId } = await authority.node({ role: "swarm-worker", validity: hours(2) });
  await Credentials.store(state.certificates, { rootPem: authority.rootPem, certificatePem, keyPem }, parts);
  await saveSettings(state.daemonFile, settings("member"));
  await saveRemotes(state.stateFile, [{ nodeId: "m", address: "10.0.0.1:2377" }]);
  return nodeId;
}

test("a member is found with its certificate and the managers it knows", async () => {
  const nodeId = await storeMember();
  const found = await findState(state, parts);
  expect(found.verdict).toMatchObject({ kind: "member", settings: { phase: "member" } });
  expect(found.credentials?.identity.nodeId).toBe(nodeId);
  expect(found.remotes).toEqual([{ nodeId: "m", address: "10.0.0.1:2377" }]);
});

test("an expired certificate is said in Docker's words, and the node's id is still known for cleaning up", async () => {
  const nodeId = await storeMember();
  const later = new SimulatedClock();
  await later.advance(hours(1_000_000));
  const found = await findState(state, { ...parts, clock: later });
  expect(found.verdict).toEqual({
    kind: "broken",
    problem: "Swarm certificates have expired. To replace them, leave the swarm and join again.",
    passes: true,
  });
  expect(found.nodeId).toBe(nodeId);
});

test("a certificate from the future points at the clock", async () => {
  await clock.advance(hours(10_000));
  await storeMember();
  const found = await findState(state, { ...parts, clock: new SimulatedClock() });
  expect(found.verdict).toMatchObject({ kind: "broken", passes: true });
  expect(JSON.stringify(found.verdict)).toContain("clock");
});

test.each([
  ["swarm-root-ca.crt", "nonsense", "swarm-root-ca.crt"],
  ["swarm-node.key", "nonsense", "swarm-node.key"],
  ["swarm-node.crt", "nonsense", "no certificate in"],
])("a damaged %s is named, and says what to do", async (name, content, named) => {
  await storeMember();
  await writeFile(join(state.certificates, name), content);
  const { verdict } = await findState(state, parts);
  expect(verdict.kind).toBe("broken");
  expect(JSON.stringify(verdict)).toContain(named);
  expect(JSON.stringify(verdict)).toContain("leave --force");
});

test("the root of another cluster is not taken for ours", async () => {
  await storeMember();
  const { rootPem } = await testAuthority({ clock });
  await writeFile(join(state.certificates, "swarm-root-ca.crt"), rootPem);
  expect(JSON.stringify((await findState(state, parts)).verdict)).toContain("not one of its cluster");
});

test("a missing root certificate is not taken for a node without a cluster", async () => {
  await storeMember();
  await rm(join(state.certificates, "swarm-root-ca.crt"));
  expect(JSON.stringify((await findState(state, parts)).verdict)).toContain("swarm-root-ca.crt is missing");
});

test("finding changes nothing on disk", async () => {
  await storeMember();
  await chmod(state.certificates, 0o500);
  expect((await findState(state, parts)).verdict.kind).toBe("member");
  await chmod(state.certificates, 0o700);
});

test("no sentence about a problem holds the program's insides", () => {
  expect(identityProblem(dataLoss("it is gone")).problem).toMatch(/^it is gone: restore it/);
  expect(identityProblem(new TypeError("x")).problem).toBe("the certificates cannot be read: x");
});
