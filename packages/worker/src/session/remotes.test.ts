import { SeededRandom } from "@mswarm/runtime/simulated";
import { expect, test } from "vitest";
import { type RemotePeer, Remotes } from "./remotes.ts";

const peer = (name: string): RemotePeer => ({ nodeId: name, address: `${name}:2377` });
const named = (name: string, weight: string) => ({ peer: { nodeId: name, addr: `${name}:2377` }, weight });

test("a manager that served well is chosen far more often, but a bad one is still tried", () => {
  const remotes = new Remotes([peer("good"), peer("bad")]);
  remotes.observe(peer("good"), 10);
  remotes.observe(peer("bad"), -10);
  const random = new SeededRandom(7);
  const chosen = Array.from({ length: 20_000 }, () => remotes.select(random)?.nodeId);
  const bad = chosen.filter((name) => name === "bad").length;
  expect(bad).toBeGreaterThan(0);
  expect(bad).toBeLessThan(100);
});

test("observations are smoothed by half, rounded up and clipped to 256", () => {
  const remotes = new Remotes([peer("a")]);
  remotes.observe(peer("a"), 10);
  expect(remotes.weightOf("a:2377")).toBe(5);
  remotes.observe(peer("a"), -10);
  expect(remotes.weightOf("a:2377")).toBe(-2);
  for (let count = 0; count < 30; count += 1) remotes.observe(peer("a"), 10_000);
  expect(remotes.weightOf("a:2377")).toBe(256);
});

test("managers that a session does not name are forgotten, an empty list forgets none", () => {
  const remotes = new Remotes([peer("old")]);
  remotes.follow([named("a", "10"), named("b", "10"), { weight: "10" }]);
  expect(remotes.peers.map(({ nodeId }) => nodeId)).toEqual(["a", "b"]);
  remotes.follow([]);
  remotes.follow([{ peer: { nodeId: "x", addr: "" } }]);
  expect(remotes.peers).toHaveLength(2);
});

test("a manager known by address alone gets its node id from the session", () => {
  const remotes = new Remotes([{ nodeId: "", address: "a:2377" }]);
  remotes.follow([named("a", "10")]);
  expect(remotes.peers).toEqual([peer("a")]);
});

test("nobody is chosen where nobody is known, and everybody alike where all are bad", () => {
  const random = new SeededRandom(3);
  expect(new Remotes().select(random)).toBeUndefined();
  const remotes = new Remotes([peer("a"), peer("b")]);
  for (const name of ["a", "b"]) remotes.observe(peer(name), -256);
  const chosen = new Set(Array.from({ length: 100 }, () => remotes.select(random)?.nodeId));
  expect(chosen).toEqual(new Set(["a", "b"]));
});
