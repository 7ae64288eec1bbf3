import { expect, test } from "vitest";
import {
  advertiseAddressNow,
  formatHostPort,
  type Interfaces,
  parseHostPort,
  resolveAdvertiseAddress,
  resolveListenAddress,
} from "./addresses.ts";

const v4 = (address: string, internal = false) => ({ address, family: "IPv4" as const, internal });
const loopback = { lo: [v4("127.0.0.1", true)] };
const oneCard: Interfaces = { ...loopback, eth0: [v4("192.0.2.10")], docker0: [v4("172.17.0.1")] };
const twoCards: Interfaces = { ...oneCard, eth1: [v4("198.51.100.4")] };
const anywhere = { host: "0.0.0.0", port: 2377 };

test("an address without a port gets port 2377", () => {
  expect(parseHostPort("192.0.2.1")).toEqual({ host: "192.0.2.1", port: 2377 });
  expect(parseHostPort("[2001:db8::1]:99")).toEqual({ host: "2001:db8::1", port: 99 });
  expect(parseHostPort("2001:db8::1")).toEqual({ host: "2001:db8::1", port: 2377 });
  expect(formatHostPort({ host: "2001:db8::1", port: 99 })).toBe("[2001:db8::1]:99");
});

test.each(["", ":2377", "host:0", "host:70000", "host:port", "a:b:c"])("%j is not an address", (text) => {
  expect(() => parseHostPort(text)).toThrow("invalid address");
});

test("an interface name stands for its address", () => {
  expect(resolveListenAddress("eth0:4000", oneCard)).toEqual({ host: "192.0.2.10", port: 4000 });
  expect(() => resolveListenAddress("nosuch", oneCard)).toThrow(
    "listen address must be an IP address or network interface",
  );
});

test("the machine's only address is advertised, engine bridges do not count", () => {
  expect(resolveAdvertiseAddress({ advertise: "", fallback: "", listen: anywhere }, oneCard)).toEqual({
    host: "192.0.2.10",
    port: 2377,
  });
});

test("a choice between two addresses is the operator's", () => {
  const ask = () => resolveAdvertiseAddress({ advertise: "", fallback: "", listen: anywhere }, twoCards);
  expect(ask).toThrow("could not choose an IP address to advertise");
  expect(ask).toThrow("(192.0.2.10 on eth0 and 198.51.100.4 on eth1)");
  expect(resolveAdvertiseAddress({ advertise: "", fallback: "eth1", listen: anywhere }, twoCards).host).toBe(
    "198.51.100.4",
  );
  expect(resolveAdvertiseAddress({ advertise: "eth0", fallback: "eth1", listen: anywhere }, twoCards).host).toBe(
    "192.0.2.10",
  );
});

test("a specific listen address is advertised", () => {
  expect(
    resolveAdvertiseAddress({ advertise: "", fallback: "eth1", listen: { host: "127.0.0.5", port: 7 } }, twoCards),
  ).toEqual({ host: "127.0.0.5", port: 7 });
});

test("an unspecified or unknown address cannot be advertised", () => {
  const ask = (advertise: string) => () =>
    resolveAdvertiseAddress({ advertise, fallback: "", listen: anywhere }, oneCard);
  expect(ask("0.0.0.0")).toThrow("advertise address must be a non-zero IP address");
  expect(ask("nosuch")).toThrow("advertise address must be a non-zero IP address or network interface");
  expect(() => resolveAdvertiseAddress({ advertise: "", fallback: "", listen: anywhere }, loopback)).toThrow(
    "could not find the system's IP address",
  );
});

test.each([
  { asked: "eth0", fallback: "", now: "192.0.2.10:2377", why: "an interface is asked for its address again" },
  { asked: "eth0:4000", fallback: "", now: "192.0.2.10:4000", why: "with its port" },
  { asked: "192.0.2.99", fallback: "", now: "192.0.2.99:2377", why: "an address that was asked for stays" },
  { asked: "eth9", fallback: "", now: "192.0.2.1:2377", why: "an interface that is gone changes nothing" },
  { asked: "", fallback: "198.51.100.4", now: "198.51.100.4:2377", why: "the daemon's default may have changed" },
  { asked: "", fallback: "", now: "192.0.2.1:2377", why: "there is no telling which of two it is now" },
])("at the next start, $why", ({ asked, fallback, now }) => {
  const was = { listenAddress: "0.0.0.0:2377", advertiseAddress: "192.0.2.1:2377", advertise: asked };
  const isLiteral = asked === "192.0.2.99";
  const settings = isLiteral ? { ...was, advertiseAddress: "192.0.2.99:2377" } : was;
  expect(advertiseAddressNow(settings, fallback, twoCards)).toBe(now);
});

test("at the next start the only address of the machine is taken, and one that is still there is kept", () => {
  const was = { listenAddress: "0.0.0.0:2377", advertiseAddress: "192.0.2.1:2377", advertise: "" };
  expect(advertiseAddressNow(was, "", oneCard)).toBe("192.0.2.10:2377");
  expect(advertiseAddressNow({ ...was, advertiseAddress: "198.51.100.4:2377" }, "", twoCards)).toBe(
    "198.51.100.4:2377",
  );
});
