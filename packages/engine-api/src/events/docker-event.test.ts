import { dateOf } from "@mswarm/runtime";
import { SimulatedClock } from "@mswarm/runtime/simulated";
import type { Node, Service, WatchActionKind, Object as WatchedObject } from "@mswarm/wire";
import { expect, test } from "vitest";
import { goJson } from "../routing/go-json.ts";
import { type DockerEvent, dockerEvent } from "./docker-event.ts";

const clock = new SimulatedClock();
const meta = { createdAt: { seconds: "1700000000", nanos: 5 }, updatedAt: { seconds: "1700000001", nanos: 123456789 } };

const eventOf = (action: WatchActionKind, object: WatchedObject, oldObject?: WatchedObject): DockerEvent | undefined =>
  dockerEvent({ action, object, ...(oldObject === undefined ? {} : { oldObject }) }, clock);
const updated = (object: WatchedObject, oldObject: WatchedObject): unknown =>
  eventOf("WATCH_ACTION_UPDATE", object, oldObject)?.Actor.Attributes;

test("a new object is one line as Docker writes it", () => {
  const secret = { id: "s1", meta, spec: { annotations: { name: "key" } } };
  expect(goJson(eventOf("WATCH_ACTION_CREATE", { secret }))).toBe(
    '{"Type":"secret","Action":"create","Actor":{"ID":"s1","Attributes":{"name":"key"}},"scope":"swarm","time":1700000000,"timeNano":1700000000000000005}\n',
  );
});

test("an update happened when the object was updated, a removal now", () => {
  const config = { id: "c1", meta, spec: { annotations: { name: "conf" } } };
  expect(eventOf("WATCH_ACTION_UPDATE", { config })?.timeNano).toBe(1700000001123456789n);
  expect(eventOf("WATCH_ACTION_REMOVE", { config })?.time).toBe(Math.floor(dateOf(clock.now()).getTime() / 1_000));
});

test("an update of a service says what has changed", () => {
  const before: Service = {
    spec: {
      annotations: { name: "web" },
      task: { container: { image: "App:1" } },
      replicated: { replicas: "1" },
    },
  };
  const now: Service = {
    spec: { annotations: { name: "web" }, task: { container: { image: "App:2" } }, replicated: { replicas: "3" } },
    updateStatus: { state: "UPDATING" },
  };
  expect(updated({ service: now }, { service: before })).toEqual({
    name: "web",
    "image.old": "App:1",
    "image.new": "App:2",
    "replicas.old": "1",
    "replicas.new": "3",
    "updatestate.new": "updating",
  });
  const done: Service = { ...now, updateStatus: { state: "COMPLETED" } };
  expect(updated({ service: done }, { service: now })).toEqual({
    name: "web",
    "updatestate.old": "updating",
    "updatestate.new": "completed",
  });
});

test("an update of a node says what has changed; a node without a name has its host's", () => {
  const before: Node = {
    spec: {},
    description: { hostname: "host1" },
    status: { state: "READY" },
    role: "MANAGER",
    managerStatus: { leader: true, reachability: "REACHABLE" },
  };
  const now: Node = {
    ...before,
    spec: { availability: "DRAIN" },
    status: { state: "DOWN" },
    managerStatus: { reachability: "UNREACHABLE" },
  };
  expect(updated({ node: now }, { node: before })).toEqual({
    name: "host1",
    "availability.old": "active",
    "availability.new": "drain",
    "state.old": "ready",
    "state.new": "down",
    "leader.old": "true",
    "leader.new": "false",
    "reachability.old": "reachable",
    "reachability.new": "unreachable",
  });
});

test("tasks have no events", () => {
  expect(eventOf("WATCH_ACTION_CREATE", { task: { id: "t1" } })).toBeUndefined();
});
