import { webcrypto } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, hours, type Instant, minutes, seconds } from "@mswarm/runtime";
import { SeededRandom, SimulatedClock } from "@mswarm/runtime/simulated";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { ChainVerifier } from "./certificate-chain.ts";
import { p256 } from "./crypto-provider.ts";
import { CertificateRejected, type ChainRule } from "./errors.ts";
import { namesOf } from "./node-certificate.ts";
import { certificatesOfPem, pemOfCertificates } from "./pem.ts";
import { type TestAuthority, testAuthority } from "./testing/index.ts";
import { type Certificate, type CertificateTemplate, parseCertificate, signCertificate } from "./x509.ts";

const clock = new SimulatedClock();
const now = clock.now();
const random = new SeededRandom(1);

interface Signer {
  readonly key: webcrypto.CryptoKey;
  readonly certificate: Certificate;
}

let cluster: TestAuthority;
let root: Signer;

const newKeys = () => webcrypto.subtle.generateKey(p256, true, ["sign", "verify"]);

/** Any certificate at all: what is not said is as in a good one. */
async function make(
  difference: Partial<CertificateTemplate>,
  issuer: Signer | "itself" = root,
): Promise<Signer & { readonly der: Buffer }> {
  const keys = await newKeys();
  const template: CertificateTemplate = {
    ...namesOf({ nodeId: "node1", role: "swarm-manager", clusterId: cluster.clusterId }),
    publicKeyDer: Buffer.from(await webcrypto.subtle.exportKey("spki", keys.publicKey)),
    serialNumber: Buffer.concat([Buffer.from([1]), random.bytes(19)]),
    notBefore: after(now, hours(-1)),
    notAfter: after(now, hours(24)),
    isAuthority: false,
    keyUsages: ["digitalSignature", "keyEncipherment"],
    extendedKeyUsages: ["serverAuth", "clientAuth"],
    ...difference,
  };
  const der = await signCertificate(
    template,
    issuer === "itself" ? keys.privateKey : issuer.key,
    issuer === "itself" ? undefined : issuer.certificate,
    webcrypto,
  );
  return { der, certificate: parseCertificate(der), key: keys.privateKey };
}

const asAuthority: Partial<CertificateTemplate> = {
  subject: { commonName: "swarm-ca" },
  dnsNames: [],
  isAuthority: true,
  keyUsages: ["keyCertSign", "cRLSign"],
  extendedKeyUsages: [],
};

beforeAll(async () => {
  cluster = await testAuthority({ clock, clusterId: "c".repeat(25) });
  root = await make({ ...asAuthority, notAfter: after(now, hours(1_000)) }, "itself");
});

/** A verifier that trusts `root`. */
const verifier = (parts: { rootPem?: string; at?: Instant } = {}): ChainVerifier =>
  new ChainVerifier({
    rootPem: () => parts.rootPem ?? pemOfCertificates([root.certificate.der]),
    clusterId: () => cluster.clusterId,
    clock: parts.at === undefined ? clock : new SimulatedClock(parts.at),
  });

/** The rule that refuses a chain as server `swarm-manager`; "accepted" when none does. */
async function verdict(
  chain: readonly Buffer[],
  usage: "client" | "server" = "server",
  by: ChainVerifier = verifier(),
): Promise<ChainRule | "accepted"> {
  try {
    await by.verifyNode(chain, usage, usage === "server" ? "swarm-manager" : "");
    return "accepted";
  } catch (error) {
    if (error instanceof CertificateRejected) return error.rule;
    throw error;
  }
}

const named = (role: "swarm-manager" | "swarm-worker", clusterId = cluster.clusterId) =>
  namesOf({ nodeId: "node1", role, clusterId });

test("a good chain names the node, its role, its cluster and its issuer", async () => {
  const node = await cluster.node({ role: "swarm-worker", nodeId: "w1" });
  const found = await verifier({ rootPem: cluster.rootPem }).verifyNode(
    certificatesOfPem(node.certificatePem),
    "client",
  );
  expect(found).toEqual(node.certificate);
  expect(found).toMatchObject({ nodeId: "w1", role: "swarm-worker", clusterId: cluster.clusterId });
});

/** Each bad certificate differs from a good one in one thing. */
const badCertificates: [string, ChainRule, () => Promise<readonly Buffer[]>][] = [
  ["nothing at all", "malformed", async () => []],
  ["bytes that are no certificate", "malformed", async () => [Buffer.from("hello")]],
  ["bytes after the certificate", "malformed", async () => [Buffer.concat([(await make({})).der, Buffer.of(0)])]],
  ["more certificates than any cluster sends", "malformed", async () => Array(9).fill((await make({})).der)],
  ["an expired certificate", "expired", async () => [(await make({ notAfter: after(now, seconds(-1)) })).der]],
  ["one from the future", "not-yet-valid", async () => [(await make({ notBefore: after(now, seconds(1)) })).der]],
  [
    "another authority of the same name",
    "unknown-authority",
    async () => [(await make({}, await make(asAuthority, "itself"))).der],
  ],
  [
    "another authority of the same name that comes along",
    "unknown-authority",
    async () => {
      const other = await make(asAuthority, "itself");
      return [(await make({}, other)).der, other.der];
    },
  ],
  ["a self-signed node", "unknown-authority", async () => [(await make({}, "itself")).der]],
  ["the root itself", "authority-as-leaf", async () => [root.certificate.der]],
  ["an authority in a node's clothes", "authority-as-leaf", async () => [(await make({ isAuthority: true })).der]],
  [
    "a certificate that was signed by a node",
    "not-an-authority",
    async () => {
      const node = await make({});
      return [(await make({}, node)).der, node.der];
    },
  ],
  [
    "an authority that may not sign certificates",
    "not-an-authority",
    async () => {
      const middle = await make({ ...asAuthority, subject: { commonName: "middle" }, keyUsages: ["cRLSign"] });
      return [(await make({}, middle)).der, middle.der];
    },
  ],
  [
    "an expired intermediate",
    "expired",
    async () => {
      const expired = { ...asAuthority, subject: { commonName: "middle" }, notAfter: after(now, minutes(-1)) };
      const middle = await make(expired);
      return [(await make({}, middle)).der, middle.der];
    },
  ],
  [
    "an intermediate for clients only",
    "usage",
    async () => {
      const narrow = { ...asAuthority, subject: { commonName: "middle" }, extendedKeyUsages: ["clientAuth"] } as const;
      const middle = await make(narrow);
      return [(await make({}, middle)).der, middle.der];
    },
  ],
  ["a certificate for clients only", "usage", async () => [(await make({ extendedKeyUsages: ["clientAuth"] })).der]],
  ["one without purposes", "usage", async () => [(await make({ extendedKeyUsages: [] })).der]],
  ["a key that may not sign", "usage", async () => [(await make({ keyUsages: ["keyEncipherment"] })).der]],
  ["no alternative names", "server-name", async () => [(await make({ dnsNames: [] })).der]],
  ["a worker", "server-name", async () => [(await make(named("swarm-worker"))).der]],
  [
    "a worker with a manager's alternative names",
    "role",
    async () => [(await make({ subject: named("swarm-worker").subject, dnsNames: ["swarm-manager"] })).der],
  ],
  ["a manager of another cluster", "cluster", async () => [(await make(named("swarm-manager", "other"))).der]],
  ["no role", "subject", async () => [(await make({ subject: { organization: "c", commonName: "n" } })).der]],
  [
    "an unknown role",
    "subject",
    async () => [
      (await make({ subject: { organization: "c", organizationalUnit: "swarm-admin", commonName: "n" } })).der,
    ],
  ],
  [
    "no cluster",
    "subject",
    async () => [(await make({ subject: { organizationalUnit: "swarm-manager", commonName: "n" } })).der],
  ],
];

test.each(badCertificates)("a server that presents %s is refused: %s", async (_name, rule, chain) => {
  expect(await verdict(await chain())).toBe(rule);
});

test("a worker is accepted as a client", async () => {
  expect(await verdict([(await make(named("swarm-worker"))).der], "client")).toBe("accepted");
  expect(await verdict([(await make({ extendedKeyUsages: ["serverAuth"] })).der], "client")).toBe("usage");
});

test("an expired root trusts nobody any more", async () => {
  const at = after(root.certificate.notAfter, seconds(1));
  const node = await make({ notAfter: after(at, hours(1)) });
  expect(await verdict([node.der], "server", verifier({ at }))).toBe("expired");
});

test("an empty root bundle trusts nobody", async () => {
  expect(await verdict([(await make({})).der], "server", verifier({ rootPem: "" }))).toBe("unknown-authority");
});

test("a damaged root bundle trusts nobody", async () => {
  const rootPem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  expect(await verdict([(await make({})).der], "server", verifier({ rootPem }))).toBe("malformed");
});

test("during a root rotation the cross-signed certificate leads to the old root, although it looks self-signed", async () => {
  const next = await make(asAuthority, "itself");
  const crossSigned = await make({ ...asAuthority, publicKeyDer: next.certificate.publicKeyDer });
  const leaf = await make({}, next);
  expect(crossSigned.certificate.subjectDer).toEqual(crossSigned.certificate.issuerDer);
  const found = await verifier().verifyNode([leaf.der, crossSigned.der], "server", "swarm-manager");
  expect(found.issuerPublicKeyDer).toEqual(next.certificate.publicKeyDer);
  expect(await verdict([leaf.der])).toBe("unknown-authority");
  const both = verifier({ rootPem: pemOfCertificates([root.certificate.der, next.der]) });
  expect(await verdict([leaf.der], "server", both)).toBe("accepted");
});

test("intermediates may come in any order, and a useless one does no harm", async () => {
  const upper = await make({ ...asAuthority, subject: { commonName: "upper" } });
  const lower = await make({ ...asAuthority, subject: { commonName: "lower" } }, upper);
  const leaf = await make({}, lower);
  const useless = await make(asAuthority, "itself");
  expect(await verdict([leaf.der, upper.der, useless.der, lower.der])).toBe("accepted");
});

test("a rotated root counts from the next verification on", async () => {
  let rootPem = pemOfCertificates([root.certificate.der]);
  const changing = new ChainVerifier({ rootPem: () => rootPem, clock });
  const leaf = await make({});
  expect(await verdict([leaf.der], "server", changing)).toBe("accepted");
  rootPem = cluster.rootPem;
  expect(await verdict([leaf.der], "server", changing)).toBe("unknown-authority");
});

test("the certificates of a Docker manager are accepted", async () => {
  const recorded = (name: string): string =>
    readFileSync(new URL(`../fixtures/docker-20.10.24/plain/${name}`, import.meta.url), "utf8");
  const chain = certificatesOfPem(recorded("swarm-node.crt"));
  const at = after(parseCertificate(chain[0] ?? Buffer.alloc(0)).notBefore, hours(2));
  const docker = new ChainVerifier({ rootPem: () => recorded("swarm-root-ca.crt"), clock: new SimulatedClock(at) });
  const found = await docker.verifyNode(chain, "server", "swarm-manager");
  expect(found).toMatchObject({ role: "swarm-manager", nodeId: "rtcib3hhi38p4n3aml4pdzdoa" });
});

test("a certificate with any byte changed is refused", async () => {
  const { der } = await make({});
  await fc.assert(
    fc.asyncProperty(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), async (index, mask) => {
      const damaged = Buffer.from(der);
      damaged[index] = (damaged[index] ?? 0) ^ mask;
      expect(await verdict([damaged])).not.toBe("accepted");
    }),
    { numRuns: 300 },
  );
});

test("any bytes are refused as malformed", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (bytes) => {
      expect(await verdict([Buffer.from(bytes)])).toBe("malformed");
    }),
  );
});
