import type { LeadershipState, Member } from "@mswarm/raft";
import type { Channel } from "@mswarm/rpc";
import { messageOf, milliseconds, seconds } from "@mswarm/runtime";
import { SimulatedClock } from "@mswarm/runtime/simulated";
import { expect, test } from "vitest";
import { LeaderLocator } from "./leader-location.ts";

const waiting = new AbortController().signal;
const memberOf = (raftId: string): Member => ({ raftId, nodeId: `node${raftId}`, address: `10.0.0.${raftId}:2377` });

/** The locator of manager 1 of three, and the channels it has opened, by address. */
function locatorOf(): {
  locator: LeaderLocator;
  clock: SimulatedClock;
  opened: Map<string, { channel: Channel; isClosed: boolean }>;
  lead: (leaderId: string, isLeader?: boolean) => void;
} {
  const clock = new SimulatedClock();
  const opened = new Map<string, { channel: Channel; isClosed: boolean }>();
  let leadership: LeadershipState = { isLeader: false, leaderId: "0", term: 1 };
  const openChannel = (address: string): Channel => {
    const entry = { channel: silentChannel(() => Object.assign(entry, { isClosed: true })), isClosed: false };
    opened.set(address, entry);
    return entry.channel;
  };
  const locator = new LeaderLocator({
    clock,
    openChannel,
    leadership: () => leadership,
    members: () => ["1", "2", "3"].map(memberOf),
    raftId: () => "1",
  });
  const lead = (leaderId: string, isLeader = leaderId === "1"): void => {
    leadership = { isLeader, leaderId, term: leadership.term + 1 };
    locator.leaderChanged();
  };
  return { locator, clock, opened, lead };
}

/** Nobody calls anything on it. */
function silentChannel(close: () => void): Channel {
  const never = (): never => expect.fail("nothing is sent");
  const bytes = { unary: never, serverStream: never, clientStream: never, bidiStream: never };
  return { client: never, peer: undefined, onDisconnect: () => () => undefined, close, bytes };
}

const follower = "10.0.0.2:2377";
const other = "10.0.0.3:2377";

test("who waits for a leader is told at the moment when there is one", async () => {
  const { locator, clock, opened, lead } = locatorOf();
  const found = locator.leader(waiting);
  await clock.advance(milliseconds(30));
  lead("2");
  expect(await found).toEqual({ self: false, channel: opened.get(follower)?.channel });
  expect(clock.monotonic()).toBe(30);
});

test("a leader that has yet to apply its log is waited for, here too", async () => {
  const { locator, clock, lead } = locatorOf();
  lead("1", false);
  const found = locator.leader(waiting);
  await clock.advance(milliseconds(40));
  lead("1");
  expect(await found).toEqual({ self: true });
  expect(clock.monotonic()).toBe(40);
});

test("a call that a leader refused goes on when another one leads, not after a pause", async () => {
  const { locator, clock, opened, lead } = locatorOf();
  lead("2");
  const location = await locator.leader(waiting);
  const next = locator.leader(waiting, { location, pause: milliseconds(500) });
  await clock.advance(milliseconds(15));
  lead("0");
  await clock.advance(milliseconds(15));
  lead("3");
  expect(await next).toEqual({ self: false, channel: opened.get(other)?.channel });
  expect(clock.monotonic()).toBe(30);
});

test("a leader that refused and still leads is tried again after the pause", async () => {
  const { locator, clock, lead } = locatorOf();
  lead("2");
  const location = await locator.leader(waiting);
  let again: unknown;
  const next = locator.leader(waiting, { location, pause: milliseconds(50) }).then((found) => {
    again = found;
  });
  await clock.advance(milliseconds(49));
  expect(again).toBeUndefined();
  await clock.advance(milliseconds(1));
  await next;
  expect(again).toEqual(location);
});

test("one who finds out that it was refused after the leader had changed does not wait at all", async () => {
  const { locator, clock, opened, lead } = locatorOf();
  lead("2");
  const location = await locator.leader(waiting);
  lead("3");
  const next = await locator.leader(waiting, { location, pause: milliseconds(500) });
  expect(next).toEqual({ self: false, channel: opened.get(other)?.channel });
  expect(clock.monotonic()).toBe(0);
});

test("without a leader a call fails in Docker's words after ten seconds, and at once when this manager stops", async () => {
  const { locator, clock } = locatorOf();
  const late = locator.leader(waiting).catch(messageOf);
  const here = locator.orHere.leader(waiting);
  await clock.advance(seconds(2.2));
  expect(await here).toEqual({ self: true });
  await clock.advance(seconds(8));
  expect(await late).toMatch(/^The swarm does not have a leader\./);
  const stopped = locator.leader(waiting).catch(messageOf);
  locator.close();
  expect(await stopped).toBe("this manager is stopping");
});

test("a caller that gives up is not kept", async () => {
  const { locator } = locatorOf();
  const patience = new AbortController();
  const found = locator.leader(patience.signal).catch(messageOf);
  patience.abort(new Error("enough"));
  expect(await found).toBe("enough");
});

test("calls at a former leader have a moment to be answered, then their connection is closed", async () => {
  const { locator, clock, opened, lead } = locatorOf();
  lead("2");
  await locator.leader(waiting);
  lead("3");
  await locator.leader(waiting);
  await clock.advance(milliseconds(299));
  expect(opened.get(follower)?.isClosed).toBe(false);
  await clock.advance(milliseconds(2));
  expect(opened.get(follower)?.isClosed).toBe(true);
  expect(opened.get(other)?.isClosed).toBe(false);
});

test("new calls to a leader with which contact was lost take a new connection; old ones have a moment", async () => {
  const { locator, clock, opened, lead } = locatorOf();
  lead("2");
  await locator.leader(waiting);
  const before = opened.get(follower);
  locator.contactRegained("2");
  const found = await locator.leader(waiting);
  const now = opened.get(follower);
  expect(now?.channel).not.toBe(before?.channel);
  expect(found).toEqual({ self: false, channel: now?.channel });
  await clock.advance(milliseconds(299));
  expect(before?.isClosed).toBe(false);
  await clock.advance(milliseconds(2));
  expect([before?.isClosed, now?.isClosed]).toEqual([true, false]);
  locator.contactRegained("2");
  locator.close();
  expect(now?.isClosed).toBe(true);
});
