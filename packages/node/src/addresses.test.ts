import { expect, test } from "vitest";
import {
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
  expect(ask("nosuch")).toThrow("must specify a valid IP address or interface name");
  expect(() => resolveAdvertiseAddress({ advertise: "", fallback: "", listen: anywhere }, loopback)).toThrow(
    "could not find the system's IP address",
  );
});
