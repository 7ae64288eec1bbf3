import { createHash } from "node:crypto";
import { ChainVerifier, certificatesOfPem, describeCertificate, parseJoinToken } from "@mswarm/pki";
import { hours, seconds } from "@mswarm/runtime";
import { settle } from "@mswarm/runtime/simulated";
import { expect, test } from "vitest";
import {
  type CertificateBench,
  certificateBench,
  clusterId,
  local,
  managerId,
  member,
  newCsr,
  stranger,
} from "./testing/certificate-bench.ts";

async function issued(bench: CertificateBench, nodeId: string) {
  const { status, certificate } = await bench.server.certificateStatus({ nodeId }, stranger());
  return { state: status?.state, csr: certificate?.csr, pem: certificate?.certificate?.toString() ?? "" };
}

async function joined(bench: CertificateBench, token: string): Promise<string> {
  const answer = await bench.server.issue({ csr: await newCsr(), token }, stranger());
  return answer.nodeId ?? "";
}

test("a node joins: root by digest, request with token, certificate that chains to the root", async () => {
  const bench = await certificateBench();
  bench.lead();
  const { certificate: root } = await bench.server.rootCertificate();
  const digest = createHash("sha256")
    .update(root as Buffer)
    .digest("hex");
  expect(parseJoinToken(bench.tokens.worker).rootDigest).toBe(digest);

  const csr = await newCsr();
  const answer = await bench.server.issue({ csr, token: bench.tokens.worker, availability: "DRAIN" }, stranger());
  expect(answer).toMatchObject({ nodeMembership: "ACCEPTED" });
  const nodeId = answer.nodeId ?? "";
  expect(nodeId).toMatch(/^[0-9a-z]{25}$/);
  const result = await issued(bench, nodeId);
  expect(result.state).toBe("ISSUED");
  expect(result.csr).toEqual(csr);
  const verifier = new ChainVerifier({ rootPem: () => bench.rootPem, clock: bench.clock });
  const verified = await verifier.verifyNode(certificatesOfPem(result.pem), "client");
  expect(verified).toMatchObject({ nodeId, role: "swarm-worker", clusterId });
  expect(bench.node(nodeId)).toMatchObject({
    role: "WORKER",
    spec: { desiredRole: "WORKER", membership: "ACCEPTED", availability: "DRAIN" },
    VXLANUDPPort: 4789,
  });
});

test("the token decides the role, whatever the request asks for", async () => {
  const bench = await certificateBench();
  bench.lead();
  const request = { csr: await newCsr(), token: bench.tokens.worker, role: "MANAGER" } as const;
  const worker = (await bench.server.issue(request, stranger())).nodeId ?? "";
  expect(describeCertificate((await issued(bench, worker)).pem).role).toBe("swarm-worker");
  const manager = await joined(bench, bench.tokens.manager);
  expect(describeCertificate((await issued(bench, manager)).pem).role).toBe("swarm-manager");
});

test.each([
  ["no token", () => ""],
  [
    "a token of another cluster",
    (b: CertificateBench) => b.tokens.worker.replace(/.$/, (c) => (c === "0" ? "1" : "0")),
  ],
  ["the beginning of a token", (b: CertificateBench) => b.tokens.manager.slice(0, -1)],
])("with %s nobody joins and nothing is stored", async (_name, token) => {
  const bench = await certificateBench();
  bench.lead();
  const before = bench.store.version;
  await expect(bench.server.issue({ csr: await newCsr(), token: token(bench) }, stranger())).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: "A valid join token is necessary to join this cluster",
  });
  expect(bench.store.version).toBe(before);
});

test("a rotated token admits nobody, and a cluster without tokens does not take the empty one", async () => {
  const bench = await certificateBench();
  bench.lead();
  await bench.changeCluster((cluster) => ({
    ...cluster,
    rootCa: { ...cluster.rootCa, joinTokens: { manager: bench.tokens.manager } },
  }));
  await expect(joined(bench, bench.tokens.worker)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  await expect(joined(bench, "")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
});

test("the checks come in the order of the wire", async () => {
  const bench = await certificateBench();
  await expect(bench.server.issue({}, stranger())).rejects.toMatchObject({ message: "InvalidArgument" });
  await expect(bench.server.issue({ csr: Buffer.from("x") }, stranger())).rejects.toMatchObject({
    code: "ABORTED",
    message: "CA signer is stopped",
  });
  await expect(bench.server.certificateStatus({}, stranger())).rejects.toMatchObject({ message: "InvalidArgument" });
  bench.lead();
  await expect(bench.server.certificateStatus({ nodeId: "none" }, stranger())).rejects.toMatchObject({
    code: "NOT_FOUND",
    message: "NotFound",
  });
});

test("a worker renews as what the record says, with its own id, whatever it asks for", async () => {
  const bench = await certificateBench();
  bench.lead();
  await bench.addNode("worker1", { role: "WORKER" });
  const request = { csr: await newCsr(), token: bench.tokens.manager, role: "MANAGER" } as const;
  const answer = await bench.server.issue(request, member("worker1"));
  expect(answer.nodeId).toBe("worker1");
  const { pem } = await issued(bench, "worker1");
  expect(describeCertificate(pem)).toMatchObject({ nodeId: "worker1", role: "swarm-worker" });
});

test("a demoted manager's renewal gives a worker certificate, a promoted worker's a manager certificate", async () => {
  const bench = await certificateBench();
  bench.lead();
  await bench.addNode("demoted", { role: "WORKER" });
  await bench.addNode("promoted", { role: "MANAGER" });
  await bench.server.issue({ csr: await newCsr() }, member("demoted", "swarm-manager"));
  await bench.server.issue({ csr: await newCsr() }, member("promoted", "swarm-worker"));
  expect(describeCertificate((await issued(bench, "demoted")).pem).role).toBe("swarm-worker");
  expect(describeCertificate((await issued(bench, "promoted")).pem).role).toBe("swarm-manager");
});

test("a demotion while a manager's request waits for its signature wins", async () => {
  const bench = await certificateBench();
  await bench.addNode("m1", {
    role: "WORKER",
    certificate: { role: "MANAGER", csr: await newCsr(), cn: "m1", status: { state: "RENEW" } },
  });
  bench.lead();
  expect(describeCertificate((await issued(bench, "m1")).pem).role).toBe("swarm-worker");
});

test("a certificate of another cluster, of a removed node or of an unknown node renews nothing", async () => {
  const bench = await certificateBench();
  bench.lead();
  await bench.addNode("worker1");
  const csr = await newCsr();
  await bench.changeCluster((cluster) => ({ ...cluster, blacklistedCertificates: { worker1: {} } }));
  await expect(bench.server.issue({ csr }, member("worker1"))).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  await expect(bench.server.issue({ csr }, member("other", "swarm-manager", "x"))).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
  });
  await expect(bench.server.issue({ csr }, member("ghost"))).rejects.toMatchObject({
    code: "NOT_FOUND",
    message: "node ghost not found when attempting to renew certificate",
  });
});

test("on the control socket a manager renews for itself", async () => {
  const bench = await certificateBench();
  bench.lead();
  await bench.addNode(managerId, { role: "MANAGER" });
  expect((await bench.server.issue({ csr: await newCsr() }, local())).nodeId).toBe(managerId);
});

test("a bad request ends as FAILED, and the next one of the same node is signed", async () => {
  const bench = await certificateBench();
  bench.lead();
  await bench.addNode("worker1");
  await bench.server.issue({ csr: Buffer.from("not a request") }, member("worker1"));
  expect((await issued(bench, "worker1")).state).toBe("FAILED");
  await bench.server.issue({ csr: await newCsr() }, member("worker1"));
  expect((await issued(bench, "worker1")).state).toBe("ISSUED");
});

test("a change of the certificates' validity counts from the next signature on", async () => {
  const bench = await certificateBench();
  bench.lead();
  const span = async (): Promise<number> => {
    const { notBefore, notAfter } = describeCertificate(
      (await issued(bench, await joined(bench, bench.tokens.worker))).pem,
    );
    return notAfter - notBefore;
  };
  expect(await span()).toBe(hours(2_160 + 1));
  await bench.changeCluster((cluster) => ({
    ...cluster,
    spec: { ...cluster.spec, caConfig: { nodeCertExpiry: { seconds: "7200" } } },
  }));
  expect(await span()).toBe(hours(3));
});

test("while nobody can sign, a request waits, and is signed once a key is there", async () => {
  const bench = await certificateBench();
  let caKey: Buffer | undefined;
  await bench.changeCluster((cluster) => {
    caKey = cluster.rootCa?.caKey;
    return { ...cluster, rootCa: { ...cluster.rootCa, caKey: Buffer.alloc(0) } };
  });
  bench.lead();
  const nodeId = await joined(bench, bench.tokens.worker);
  let state: unknown;
  const waiting = issued(bench, nodeId).then((result) => {
    state = result.state;
  });
  await bench.clock.advance(seconds(30));
  expect(state).toBeUndefined();
  await bench.changeCluster((cluster) => ({
    ...cluster,
    rootCa: { ...cluster.rootCa, ...(caKey === undefined ? {} : { caKey }) },
  }));
  await waiting;
  expect(state).toBe("ISSUED");
});

test("a new leader signs what the old one left", async () => {
  const bench = await certificateBench({
    loadSigner: () =>
      Promise.resolve({ canSign: false, signNodeCertificate: () => Promise.reject(new TypeError("cannot")) }),
  });
  const stop = bench.lead();
  const nodeId = await joined(bench, bench.tokens.worker);
  const waiting = bench.server.certificateStatus({ nodeId }, stranger());
  await stop();
  await expect(waiting).rejects.toMatchObject({ code: "ABORTED", message: "CA signer is stopped" });
  await expect(bench.server.certificateStatus({ nodeId }, stranger())).rejects.toMatchObject({ code: "ABORTED" });
  expect(bench.node(nodeId)?.certificate?.status?.state).toBe("PENDING");
});

test("a signer that hangs does not keep a leadership from ending", async () => {
  const bench = await certificateBench({ loadSigner: () => new Promise(() => undefined) });
  const stop = bench.lead();
  await joined(bench, bench.tokens.worker);
  await stop();
});

test("a caller that goes away, and too many callers, do not pile up", async () => {
  const bench = await certificateBench({ loadSigner: () => new Promise(() => undefined) });
  bench.lead();
  const nodeId = await joined(bench, bench.tokens.worker);
  const controller = new AbortController();
  const waiting = Array.from({ length: 256 }, () =>
    bench.server.certificateStatus({ nodeId }, stranger(controller.signal)).catch((error: Error) => error),
  );
  await settle();
  await expect(bench.server.certificateStatus({ nodeId }, stranger())).rejects.toMatchObject({
    code: "RESOURCE_EXHAUSTED",
  });
  // They take nobody else's place.
  const own = new AbortController();
  const others = [
    bench.server.certificateStatus({ nodeId }, stranger(own.signal, "192.0.2.77:40000")),
    bench.server.certificateStatus({ nodeId }, { ...member(nodeId), signal: own.signal }),
  ];
  await settle();
  own.abort(new TypeError("still waiting"));
  for (const other of others) await expect(other).rejects.toThrow("still waiting");
  controller.abort();
  await Promise.all(waiting);
  const again = new AbortController();
  const next = bench.server.certificateStatus({ nodeId }, stranger(again.signal));
  await settle();
  again.abort();
  await expect(next).rejects.toThrow();
});

test("a node cannot flood the log with renewals, nor a leaked token with nodes", async () => {
  const bench = await certificateBench({ loadSigner: () => new Promise(() => undefined) });
  bench.lead();
  await bench.addNode("worker1");
  const csr = await newCsr();
  for (let count = 0; count < 10; count += 1) await bench.server.issue({ csr }, member("worker1"));
  await expect(bench.server.issue({ csr }, member("worker1"))).rejects.toMatchObject({ code: "RESOURCE_EXHAUSTED" });
  await bench.clock.advance(seconds(2));
  await bench.server.issue({ csr }, member("worker1"));

  let admitted = 0;
  for (let round = 0; round < 60; round += 1) {
    for (let count = 0; count < 100; count += 1) {
      const answer = await bench.server.issue({ csr, token: bench.tokens.worker }, stranger()).catch(() => undefined);
      if (answer === undefined) break;
      admitted += 1;
    }
    await bench.clock.advance(seconds(2));
  }
  expect(admitted).toBe(2_000);
});

test("the unlock key goes to managers on record only, and only with autolock", async () => {
  const bench = await certificateBench();
  bench.lead();
  await bench.addNode("manager1", { role: "MANAGER" });
  await bench.addNode("demoted", { role: "WORKER" });
  expect(await bench.server.unlockKey(member("manager1", "swarm-manager"))).toEqual({ version: { index: "1" } });
  await bench.changeCluster((cluster) => ({
    ...cluster,
    spec: { ...cluster.spec, encryptionConfig: { autoLockManagers: true } },
    unlockKeys: [{ subsystem: "swarm-manager", key: Buffer.alloc(32, 7) }],
  }));
  expect((await bench.server.unlockKey(member("manager1", "swarm-manager"))).unlockKey).toEqual(Buffer.alloc(32, 7));
  expect((await bench.server.unlockKey(local())).unlockKey).toEqual(Buffer.alloc(32, 7));
  await expect(bench.server.unlockKey(member("demoted", "swarm-manager"))).rejects.toMatchObject({
    code: "PERMISSION_DENIED",
  });
});
