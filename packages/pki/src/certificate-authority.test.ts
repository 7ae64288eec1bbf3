import { execFileSync } from "node:child_process";
import { createPublicKey, generateKeyPairSync, webcrypto } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { between, cryptoRandom, hours, type Instant, minutes, seconds, systemClock } from "@mswarm/runtime";
import { SimulatedClock } from "@mswarm/runtime/simulated";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createAuthority, loadAuthority } from "./certificate-authority.ts";
import { createCertificateRequest } from "./certificate-request.ts";
import { describeCertificate } from "./node-certificate.ts";
import { certificatesOfPem } from "./pem.ts";
import { type TestAuthority, testAuthority } from "./testing/index.ts";
import { parseCertificate } from "./x509.ts";

let directory: string;
let cluster: TestAuthority;
const parts = { crypto: webcrypto, clock: systemClock(), random: cryptoRandom() };
const subject = { nodeId: "n".repeat(25), role: "swarm-worker", clusterId: "c".repeat(25) } as const;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "mswarm-pki-"));
  cluster = await testAuthority({ clock: systemClock() });
});
afterAll(() => rmSync(directory, { recursive: true }));

function openssl(pem: string, ...args: string[]): string {
  const file = join(directory, "input.pem");
  writeFileSync(file, pem);
  return execFileSync("openssl", [...args, "-in", file], { encoding: "utf8" });
}

const recorded = (name: string): string =>
  readFileSync(new URL(`../fixtures/docker-20.10.24/plain/${name}`, import.meta.url), "utf8");

const text = (pem: string): string => openssl(pem, "x509", "-noout", "-text");
/** Dates in openssl's spelling, as milliseconds. */
function validity(pem: string): { start: number; end: number } {
  const [start = "", end = ""] = openssl(pem, "x509", "-noout", "-dates").match(/(?<==).*/g) ?? [];
  return { start: Date.parse(start), end: Date.parse(end) };
}

test("openssl reads a root as wire 3.2 wants it", () => {
  const shown = text(cluster.rootPem);
  expect(shown).toContain("Issuer: CN = swarm-ca");
  expect(shown).toContain("Subject: CN = swarm-ca");
  expect(shown).toContain("Signature Algorithm: ecdsa-with-SHA256");
  expect(shown).toContain("ASN1 OID: prime256v1");
  expect(shown).toMatch(/X509v3 Key Usage: critical\s+Certificate Sign, CRL Sign\n/);
  expect(shown).toMatch(/X509v3 Basic Constraints: critical\s+CA:TRUE\n/);
  expect(shown).toContain("X509v3 Subject Key Identifier");
  expect(shown).not.toMatch(/Authority Key|Extended Key|Alternative Name/);
  const { start, end } = validity(cluster.rootPem);
  expect(end - start).toBe(630_720_000_000);
  expect(start % 60_000).toBe(0);
});

test("openssl reads the certificate of a manager as wire 3.2 wants it", async () => {
  const node = await cluster.node({ role: "swarm-manager" });
  const shown = text(node.certificatePem);
  expect(shown).toContain(`Subject: O = ${cluster.clusterId}, OU = swarm-manager, CN = ${node.nodeId}`);
  expect(shown).toContain("Issuer: CN = swarm-ca");
  expect(shown).toMatch(/X509v3 Key Usage: critical\s+Digital Signature, Key Encipherment\n/);
  expect(shown).toMatch(
    /X509v3 Extended Key Usage: \n\s+TLS Web Server Authentication, TLS Web Client Authentication\n/,
  );
  expect(shown).toMatch(/X509v3 Basic Constraints: critical\s+CA:FALSE\n/);
  expect(shown).toContain(`DNS:swarm-manager, DNS:${node.nodeId}, DNS:swarm-ca`);
  const rootKeyId = /Subject Key Identifier: \n\s+(.*)/.exec(text(cluster.rootPem))?.[1];
  expect(/Authority Key Identifier: \n\s+(.*)/.exec(shown)?.[1]).toBe(rootKeyId);
});

test("a worker's certificate is not valid for the authority's name", async () => {
  const node = await cluster.node({ role: "swarm-worker" });
  expect(text(node.certificatePem)).toContain(`DNS:swarm-worker, DNS:${node.nodeId}\n`);
});

test("openssl verifies a node against its root, as client and as server", async () => {
  const node = await cluster.node();
  const root = join(directory, "root.pem");
  const leaf = join(directory, "leaf.pem");
  writeFileSync(root, cluster.rootPem);
  writeFileSync(leaf, node.certificatePem);
  for (const purpose of ["sslclient", "sslserver"]) {
    const args = ["verify", "-x509_strict", "-purpose", purpose, "-CAfile", root, leaf];
    expect(execFileSync("openssl", args, { encoding: "utf8" })).toContain("OK");
  }
});

test("a certificate has the extensions of Docker's own, in the same order", async () => {
  const outline = (pem: string): string[] => text(pem).match(/X509v3 [A-Za-z ]+: ?(critical)?/g) ?? [];
  expect(outline((await cluster.node()).certificatePem)).toEqual(outline(recorded("swarm-node.crt")));
  expect(outline(cluster.rootPem)).toEqual(outline(recorded("swarm-root-ca.crt")));
});

test("dates are rounded to the minute, set back by an hour, and live an hour longer than asked for", async () => {
  const clock = new SimulatedClock(Date.parse("2026-03-01T12:00:29.999Z") as Instant);
  const early = await testAuthority({ clock });
  const issue = async (validityOfNode = hours(24)) => (await early.node({ validity: validityOfNode })).certificate;
  const first = await issue();
  expect(first.notBefore).toBe(Date.parse("2026-03-01T11:00:00Z"));
  expect(first.notAfter).toBe(Date.parse("2026-03-02T12:00:00Z"));
  await clock.advance(seconds(1));
  expect((await issue()).notBefore).toBe(Date.parse("2026-03-01T11:01:00Z"));
});

test("a validity below one hour means the default of ninety days", async () => {
  const node = await cluster.node({ validity: minutes(59) });
  expect(between(node.certificate.notBefore, node.certificate.notAfter)).toBe(hours(2_161));
});

test("serial numbers are positive, 20 bytes long and new each time", async () => {
  const serials = new Set<string>();
  for (let count = 0; count < 8; count += 1) {
    const [der = Buffer.alloc(0)] = certificatesOfPem((await cluster.node()).certificatePem);
    serials.add(parseCertificate(der).serialNumber);
  }
  expect([...serials].every((serial) => /^[0-7][0-9a-f]{39}$/.test(serial))).toBe(true);
  expect(serials.size).toBe(8);
});

test("nothing but the public key of a request reaches the certificate", async () => {
  const key = join(directory, "own.key");
  const csrFile = join(directory, "own.csr");
  execFileSync(
    "openssl",
    [
      ..."req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -batch".split(" "),
      ...["-subj", "/O=other/OU=swarm-manager/CN=root", "-addext", "basicConstraints=critical,CA:TRUE"],
      ...["-addext", "subjectAltName=DNS:swarm-ca", "-keyout", key, "-out", csrFile],
    ],
    { stdio: "ignore" },
  );
  const csr = readFileSync(csrFile, "utf8");
  const pem = await cluster.authority.signNodeCertificate(csr, subject, { validity: hours(24) });
  const [der = Buffer.alloc(0)] = certificatesOfPem(pem);
  const leaf = parseCertificate(der);
  expect(describeCertificate(pem)).toMatchObject(subject);
  expect(leaf.isAuthority).toBe(false);
  expect(leaf.dnsNames).toEqual([subject.role, subject.nodeId]);
  const own = createPublicKey(readFileSync(key, "utf8")).export({ type: "spki", format: "der" });
  expect(leaf.publicKeyDer.equals(own)).toBe(true);
});

test("names that look like something else to the library stay plain text", async () => {
  const odd = { nodeId: '#3000"a\\,CN=b', role: "swarm-worker", clusterId: "ü+O=x" } as const;
  const { csrPem } = await createCertificateRequest(parts);
  const pem = await cluster.authority.signNodeCertificate(csrPem, odd, { validity: hours(24) });
  expect(describeCertificate(pem)).toMatchObject(odd);
});

test("openssl accepts our request, and it says nothing about its owner", async () => {
  const { csrPem } = await createCertificateRequest(parts);
  const shown = openssl(csrPem, "req", "-noout", "-text", "-verify");
  expect(shown).toMatch(/Subject: *\n/);
  expect(shown).toMatch(/Attributes:\s+\(none\)\s+Requested Extensions:\s+Signature Algorithm/);
});

test("a request that is not signed by its own key is refused", async () => {
  const { csrPem } = await createCertificateRequest(parts);
  const other = await createCertificateRequest(parts);
  const lines = csrPem.split("\n");
  const mixed = [...lines.slice(0, 3), ...other.csrPem.split("\n").slice(3)].join("\n");
  const attempt = cluster.authority.signNodeCertificate(mixed, subject, { validity: hours(24) });
  await expect(attempt).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
});

test.each([
  ["nothing", ""],
  ["no PEM", "hello"],
  ["a certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"],
  ["no ASN.1", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"],
  ["too much", "x".repeat(20_000)],
])("a request that is %s is an INVALID_ARGUMENT", async (_name, csr) => {
  const attempt = cluster.authority.signNodeCertificate(csr, subject, { validity: hours(24) });
  await expect(attempt).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
});

test("a weak key is not certified", async () => {
  const keys = generateKeyPairSync("rsa", { modulusLength: 1_024 });
  const key = join(directory, "weak.key");
  writeFileSync(key, keys.privateKey.export({ type: "pkcs8", format: "pem" }));
  const csr = execFileSync("openssl", ["req", "-new", "-key", key, "-subj", "/"], { encoding: "utf8" });
  const attempt = cluster.authority.signNodeCertificate(csr, subject, { validity: hours(24) });
  await expect(attempt).rejects.toThrow("only RSA keys of 2048 to 8192 bits");
});

test("an authority without key can be loaded, but does not sign", async () => {
  const authority = await loadAuthority({ rootPem: cluster.rootPem }, parts);
  expect(authority.canSign).toBe(false);
  expect(authority.rootDigest).toBe(cluster.authority.rootDigest);
  const { csrPem } = await createCertificateRequest(parts);
  const attempt = authority.signNodeCertificate(csrPem, subject, { validity: hours(24) });
  await expect(attempt).rejects.toMatchObject({ code: "FAILED_PRECONDITION", message: "no valid signer found" });
});

test("a key of another root is refused", async () => {
  const { keyPem } = await createAuthority(parts);
  await expect(loadAuthority({ rootPem: cluster.rootPem, keyPem }, parts)).rejects.toThrow("certificate key mismatch");
});

test("an empty bundle and a node's certificate are not a root", async () => {
  await expect(loadAuthority({ rootPem: "" }, parts)).rejects.toThrow(/^no valid root CA certificates found$/);
  const { certificatePem } = await cluster.node();
  await expect(loadAuthority({ rootPem: certificatePem }, parts)).rejects.toThrow("not signed by its own key");
});

test("the issuer in a node's report is the authority's subject and key, byte for byte", async () => {
  const node = await cluster.node();
  const [rootDer = Buffer.alloc(0)] = certificatesOfPem(cluster.rootPem);
  const root = parseCertificate(rootDer);
  expect(node.certificate.issuerSubjectDer).toEqual(root.subjectDer);
  expect(node.certificate.issuerPublicKeyDer).toEqual(root.publicKeyDer);
  const [dockerRoot = Buffer.alloc(0)] = certificatesOfPem(recorded("swarm-root-ca.crt"));
  expect(root.subjectDer).toEqual(parseCertificate(dockerRoot).subjectDer);
});
