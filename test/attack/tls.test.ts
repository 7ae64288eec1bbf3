// What openssl, as an attacker, can agree on with a whole manager; and those who never finish what they began.
import { spawn } from "node:child_process";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, type SecureVersion } from "node:tls";
import type { TestNode } from "@mswarm/pki/testing";
import { milliseconds, seconds, systemClock } from "@mswarm/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ManagerGroup } from "../integration/manager-group.ts";
import { eventually } from "../support/eventually.ts";
import { controlOf, startCitizens } from "./good-citizens.ts";
import { preface, rawConnect } from "./rpc-frames.ts";

const clock = systemClock();
let group: ManagerGroup;
let worker: TestNode;
beforeAll(async () => {
  group = await ManagerGroup.start(1);
  worker = await group.worker();
});
afterAll(() => group.stop());

function addressOf(): { readonly host: string; readonly port: number } {
  const [host = "", port = ""] = group.leader.address.split(":");
  return { host, port: Number(port) };
}

/** The suite that a handshake with these settings ends with; undefined when there is none. */
function agreed(options: {
  readonly ciphers?: string;
  readonly minVersion?: SecureVersion;
  readonly maxVersion?: SecureVersion;
}): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connectTls({ ...addressOf(), rejectUnauthorized: false, ALPNProtocols: ["h2"], ...options });
    socket.once("secureConnect", () => {
      resolve(`${socket.getProtocol()} ${socket.getCipher().standardName}`);
      socket.destroy();
    });
    socket.once("error", () => resolve(undefined));
  });
}

test("TLS before 1.2 is not spoken, 1.3 is preferred", async () => {
  for (const version of ["TLSv1", "TLSv1.1"] as const) {
    const ciphers = "ALL:@SECLEVEL=0";
    expect(await agreed({ minVersion: version, maxVersion: version, ciphers })).toBeUndefined();
  }
  expect(await agreed({ minVersion: "TLSv1.2", maxVersion: "TLSv1.2" })).toMatch(/^TLSv1\.2 TLS_ECDHE_ECDSA_/);
  expect(await agreed({})).toMatch(/^TLSv1\.3 /);
});

test("suites without forward secrecy, without authentication, or with old ciphers are not agreed on", async () => {
  const weak = [
    "AES128-SHA",
    "AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA384",
    "DHE-RSA-AES256-GCM-SHA384",
    "AECDH-AES128-SHA",
    "ADH-AES256-GCM-SHA384",
    "PSK-AES128-GCM-SHA256",
    "NULL-SHA256",
    "ECDHE-ECDSA-NULL-SHA",
    "ECDHE-ECDSA-CAMELLIA256-SHA384",
    "ECDHE-ECDSA-AES128-CCM8",
  ];
  for (const suite of weak) {
    const attempt = agreed({ maxVersion: "TLSv1.2", ciphers: `${suite}:@SECLEVEL=0` });
    expect(await attempt.catch(() => undefined), suite).toBeUndefined();
  }
});

test("a renegotiation in mid-connection ends it: nobody becomes somebody else under way", async () => {
  const { host, port } = addressOf();
  const args = ["s_client", "-connect", `${host}:${port}`, "-tls1_2", "-alpn", "h2"];
  const openssl = spawn("openssl", args, { stdio: ["pipe", "pipe", "pipe"] });
  let output = "";
  for (const stream of [openssl.stdout, openssl.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString("latin1");
    });
  }
  const ended = new Promise<void>((resolve) => openssl.once("close", () => resolve()));
  await eventually(() => expect(output).toContain("Verify return code"));
  const handshakes = output.split("SSL handshake has read").length;
  openssl.stdin.write("R\n");
  await Promise.race([ended, clock.sleep(seconds(10))]);
  expect(output).toContain("RENEGOTIATING");
  expect(output).toMatch(/no renegotiation|handshake failure|unexpected message|:error:/);
  expect(output.split("SSL handshake has read")).toHaveLength(handshakes);
  openssl.kill();
  await ended;
});

/** Sends `bytes` one by one, slowly, until the other side has had enough. */
async function trickle(socket: Socket, bytes: Buffer, isOver: () => boolean): Promise<void> {
  for (let at = 0; !isOver() && !socket.destroyed; at += 1) {
    socket.write(bytes.subarray(at % bytes.length, (at % bytes.length) + 1));
    await clock.sleep(milliseconds(100));
  }
}

test("those who never finish their handshake or their preface are many, and nobody waits for them", async () => {
  const { leader } = group;
  const citizens = await startCitizens(group.channel(worker, leader), controlOf(leader));
  const { host, port } = addressOf();
  let isOver = false;
  // The beginning of a ClientHello of 512 bytes that never comes, and of an HTTP/2 preface.
  const hello = Buffer.concat([Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc]), Buffer.alloc(503)]);
  const halfOpen = Array.from({ length: 150 }, () => {
    const socket = connectTcp(port, host);
    socket.on("error", () => undefined);
    return socket;
  });
  const evil = await group.worker();
  const inside = await Promise.all(
    Array.from({ length: 50 }, (_unused, index) => rawConnect({ host, port }, index < 10 ? evil : undefined)),
  );
  const trickling = [
    ...halfOpen.map((socket) => trickle(socket, hello, () => isOver)),
    ...inside.map(({ socket }) => trickle(socket, preface, () => isOver)),
  ];
  // Longer than a handshake may take.
  await eventually(() => expect(halfOpen.filter((socket) => socket.destroyed || socket.closed)).toHaveLength(150));
  isOver = true;
  await Promise.all(trickling);
  const report = await citizens.stop();
  for (const { socket } of inside) socket.destroy();
  for (const socket of halfOpen) socket.destroy();
  expect(report.failures).toEqual([]);
  expect(report.heartbeats).toBeGreaterThan(20);
  expect(report.slowestHeartbeat).toBeLessThan(seconds(10));
});
