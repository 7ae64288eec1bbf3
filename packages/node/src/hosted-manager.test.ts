import { expect, test } from "vitest";
import { listenSentence } from "./hosted-manager.ts";
import { secretsDirectoryOf } from "./secrets-directory.ts";

const address = { host: "10.0.0.1", port: 2377 };

test("an address in use is named, and so is the engine that may have taken it", () => {
  const inUse = "cannot listen on 10.0.0.1:2377: listen EADDRINUSE: address already in use 10.0.0.1:2377";
  expect(listenSentence(address, inUse, false)).toBe(
    "listen tcp 10.0.0.1:2377: bind: address already in use; free it, or choose another with --listen-addr",
  );
  expect(listenSentence(address, inUse, true)).toContain("the Docker Engine of this machine is in swarm mode itself");
});

test("an address of another machine, and any other failure, say what to do", () => {
  expect(listenSentence(address, "cannot listen on x: listen EADDRNOTAVAIL: address not available", false)).toBe(
    "10.0.0.1:2377 is not an address of this machine; choose another with --listen-addr",
  );
  expect(listenSentence(address, "cannot listen on x: listen EACCES: permission denied", false)).toMatch(
    /EACCES.*; choose another address with --listen-addr$/,
  );
});

test("two daemons with their sockets in one folder keep their secrets apart", () => {
  expect(secretsDirectoryOf("/tmp/a.sock")).toBe("/tmp/a-secrets");
  expect(secretsDirectoryOf("/tmp/b.sock")).toBe("/tmp/b-secrets");
  expect(secretsDirectoryOf("/var/run/mswarm/control.sock")).toBe("/var/run/mswarm/control-secrets");
});
