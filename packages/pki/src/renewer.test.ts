import { after, between, hours, minutes, seconds, silentLogger, unavailable } from "@mswarm/runtime";
import { SeededRandom, SimulatedClock } from "@mswarm/runtime/simulated";
import { beforeEach, expect, test } from "vitest";
import type { CertificateRole, NodeCertificate } from "./node-certificate.ts";
import type { Validity } from "./renewal.ts";
import { Renewer } from "./renewer.ts";

let clock: SimulatedClock;
let current: Validity | undefined;
/** Hours since the start at which a certificate was asked for. */
let requests: number[];
let renewed: CertificateRole[];
let role: CertificateRole;
let isManagerUp: boolean;

beforeEach(() => {
  clock = new SimulatedClock();
  current = { notBefore: clock.now(), notAfter: after(clock.now(), hours(100)) };
  requests = [];
  renewed = [];
  role = "swarm-worker";
  isManagerUp = true;
});

function start(): { renewer: Renewer; stop(): Promise<void> } {
  const began = clock.now();
  const renewer = new Renewer({
    clock,
    random: new SeededRandom(11),
    log: silentLogger(),
    current: () => current,
    requestCertificate: async () => {
      requests.push(between(began, clock.now()) / hours(1));
      if (!isManagerUp) throw unavailable("no manager");
      current = { notBefore: clock.now(), notAfter: after(clock.now(), hours(100)) };
      const certificate: NodeCertificate = {
        nodeId: "n",
        clusterId: "c",
        role,
        ...current,
        issuerSubjectDer: Buffer.alloc(0),
        issuerPublicKeyDer: Buffer.alloc(0),
        chainPem: "",
      };
      return certificate;
    },
    onRenewed: (certificate) => renewed.push(certificate.role),
  });
  const abort = new AbortController();
  const running = renewer.run(abort.signal);
  return {
    renewer,
    stop: async () => {
      abort.abort();
      await running;
    },
  };
}

test("a certificate is renewed between 50 % and 80 % of its life, and the next one again", async () => {
  const { stop } = start();
  await clock.advance(hours(49));
  expect(requests).toHaveLength(0);
  await clock.advance(hours(31));
  expect(requests).toHaveLength(1);
  await clock.advance(hours(81));
  expect(requests.length).toBeGreaterThanOrEqual(2);
  await stop();
});

test("while no manager answers it asks again with growing pauses, at least every hour", async () => {
  isManagerUp = false;
  const { stop } = start();
  await clock.advance(hours(100));
  expect(requests.length).toBeGreaterThan(20);
  const pauses = requests.slice(1).map((at, index) => at - (requests[index] ?? 0));
  expect(Math.max(...pauses)).toBeLessThanOrEqual(1);
  isManagerUp = true;
  await clock.advance(hours(1));
  expect(renewed).toHaveLength(1);
  await stop();
});

test("an order to renew is followed after half a second, and several orders together once", async () => {
  const { renewer, stop } = start();
  await clock.advance(hours(1));
  renewer.renewNow();
  await clock.advance(seconds(0.4));
  renewer.renewNow();
  expect(requests).toHaveLength(0);
  await clock.advance(seconds(0.1));
  expect(requests).toHaveLength(1);
  await clock.advance(minutes(5));
  expect(requests).toHaveLength(1);
  await stop();
});

test("an order that was given before the start counts", async () => {
  const { renewer, stop } = start();
  renewer.renewNow();
  await clock.advance(seconds(1));
  expect(renewed).toEqual(["swarm-worker"]);
  await stop();
});

test("a node that expects to be promoted asks until its certificate says manager", async () => {
  const { renewer, stop } = start();
  renewer.renewNow("swarm-manager");
  await clock.advance(minutes(1));
  expect(renewed.length).toBeGreaterThan(1);
  role = "swarm-manager";
  await clock.advance(hours(1));
  expect(renewed.at(-1)).toBe("swarm-manager");
  expect(renewed.filter((found) => found === "swarm-manager")).toHaveLength(1);
  await stop();
});

test("a new order ends a long back-off", async () => {
  isManagerUp = false;
  const { renewer, stop } = start();
  renewer.renewNow();
  await clock.advance(hours(20));
  const before = requests.length;
  isManagerUp = true;
  renewer.renewNow();
  await clock.advance(seconds(1));
  expect(requests).toHaveLength(before + 1);
  expect(renewed).toHaveLength(1);
  await stop();
});

test("while the own certificate cannot be read nothing is asked for, until it can be again", async () => {
  const validity = current;
  current = undefined;
  const { stop } = start();
  await clock.advance(hours(90));
  expect(requests).toHaveLength(0);
  current = validity;
  await clock.advance(minutes(5));
  expect(requests).toHaveLength(1);
  await stop();
});
