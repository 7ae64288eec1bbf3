import { expect, test } from "vitest";
import { checkInit, checkJoin, resolveAddresses } from "./membership-request.ts";

const machine = { eth0: [{ address: "192.0.2.7", family: "IPv4" as const, internal: false }] };

test("what a later version will do is refused in a sentence, not ignored", () => {
  expect(() => checkInit({ autolock: true })).toThrow("locked managers (--autolock) are not in this version yet");
  expect(() => checkInit({ forceNewCluster: true })).toThrow("not in this version yet");
  expect(() => checkInit({ defaultAddrPool: ["10.0.0.0/8"] })).toThrow("overlay networks");
  expect(() => checkInit({ dataPathPort: 4790 })).toThrow("overlay networks");
  expect(() => resolveAddresses({ dataPathAddr: "eth0" }, "", machine)).toThrow("overlay networks");
});

test("an availability that is none is refused by init and join", () => {
  expect(() => checkInit({ availability: "sleepy" })).toThrow('invalid Availability: "sleepy"');
  expect(() => checkJoin({ availability: "constructor", remoteAddrs: ["10.0.0.1"] })).toThrow("invalid Availability");
  expect(() => checkInit({ availability: "drain" })).not.toThrow();
});

test("a join asks managers at the default port where none is given", () => {
  expect(checkJoin({ remoteAddrs: ["10.0.0.1", "10.0.0.2:4000", "[2001:db8::1]"] })).toEqual([
    "10.0.0.1:2377",
    "10.0.0.2:4000",
    "[2001:db8::1]:2377",
  ]);
  expect(() => checkJoin({})).toThrow("at least 1 RemoteAddr is required to join");
});

test("the daemon's default address is used where the request names none", () => {
  expect(resolveAddresses({}, "", machine)).toEqual({
    listenAddress: "0.0.0.0:2377",
    advertiseAddress: "192.0.2.7:2377",
    advertise: "",
  });
  expect(resolveAddresses({}, "198.51.100.1", machine).advertiseAddress).toBe("198.51.100.1:2377");
  expect(resolveAddresses({ advertiseAddr: "eth0:5000" }, "198.51.100.1", machine).advertiseAddress).toBe(
    "192.0.2.7:5000",
  );
});
