// The joining side of `pki` against the issuing side of a manager, without a network between them.
import { webcrypto } from "node:crypto";
import { type IssuanceClient, type JoinClient, joinFlow } from "@mswarm/pki";
import { cryptoRandom, silentLogger } from "@mswarm/runtime";
import { expect, test } from "vitest";
import { type CertificateBench, certificateBench, clusterId, stranger } from "./testing/certificate-bench.ts";

function clientOf({ server }: CertificateBench): JoinClient {
  const issuance: IssuanceClient = {
    issueNodeCertificate: async (request) => ({ nodeId: (await server.issue(request, stranger())).nodeId ?? "" }),
    nodeCertificateStatus: async (nodeId, signal) => {
      const { status, certificate } = await server.certificateStatus({ nodeId }, stranger(signal));
      const bytes = (value: unknown): Buffer | undefined => (Buffer.isBuffer(value) ? value : undefined);
      return {
        state: String(status?.state ?? "UNKNOWN"),
        csr: bytes(certificate?.csr),
        certificate: bytes(certificate?.certificate),
      };
    },
    close: () => undefined,
  };
  return {
    getRootCertificate: async () => Buffer.from((await server.rootCertificate()).certificate ?? ""),
    connect: async () => issuance,
  };
}

test.each(["worker", "manager"] as const)("a node joins with the %s token and gets that role", async (role) => {
  const bench = await certificateBench();
  bench.lead();
  const parts = { crypto: webcrypto, clock: bench.clock, random: cryptoRandom(), log: silentLogger() };
  const signal = new AbortController().signal;
  const joined = await joinFlow(bench.tokens[role], { ...parts, client: clientOf(bench) }, signal);
  expect(joined.rootPem).toBe(bench.rootPem);
  expect(joined.certificate).toMatchObject({ nodeId: joined.nodeId, role: `swarm-${role}`, clusterId });
  expect(bench.node(joined.nodeId)?.certificate?.status?.state).toBe("ISSUED");
});

test("the token of another cluster does not even get to its request", async () => {
  const [bench, other] = await Promise.all([certificateBench(), certificateBench()]);
  bench.lead();
  const before = bench.store.version;
  const parts = { crypto: webcrypto, clock: bench.clock, random: cryptoRandom(), log: silentLogger() };
  const joining = joinFlow(
    other.tokens.worker,
    { ...parts, client: clientOf(bench) },
    new AbortController().signal,
  ).catch((error: unknown) => error);
  // At once: the clock of this bench stands still.
  expect(await joining).toMatchObject({ message: expect.stringContaining("remote CA does not match fingerprint") });
  expect(bench.store.version).toBe(before);
});
