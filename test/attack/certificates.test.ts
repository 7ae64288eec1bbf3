// Attacks on the way to a certificate: requests of any content, somebody else's name, guessed tokens, a false root.
import { execFile } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createCertificateRequest, describeCertificate, newJoinToken, tokensEqual } from "@mswarm/pki";
import { type TestNode, testAuthority } from "@mswarm/pki/testing";
import { anyone, bindService, type Channel, createRpcServer, roles, TlsMaterial } from "@mswarm/rpc";
import { cryptoRandom, isSwarmError, milliseconds, seconds, silentLogger, systemClock } from "@mswarm/runtime";
import { nodes } from "@mswarm/store";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { ManagerGroup } from "../integration/manager-group.ts";
import { freshAddress, TestDaemons } from "../integration/node-daemon.ts";
import { callLimit, eventually } from "../support/eventually.ts";
import { controlOf, startCitizens } from "./good-citizens.ts";

const run = promisify(execFile);
const clock = systemClock();
const random = cryptoRandom();
const inTime = { timeout: callLimit };
const daemons = new TestDaemons();
let group: ManagerGroup;
beforeAll(async () => {
  group = await ManagerGroup.start(1);
});
afterAll(() => group.stop());
afterEach(() => daemons.dispose());

const nodeCaOf = (channel: Channel) => channel.client("docker.swarmkit.v1.NodeCA");
const codeOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => "OK",
    (error: unknown) => (isSwarmError(error) ? error.code : String(error)),
  );
const nodeCount = (): number => group.leader.manager.store.save().nodes?.length ?? 0;

/** A request as openssl makes it, with any key, subject and extensions. */
async function opensslRequest(subject: string, key: readonly string[], extensions: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "msac-"));
  try {
    const more = extensions.flatMap((each) => ["-addext", each]);
    const out = join(folder, "csr.pem");
    await run("openssl", [
      "req",
      "-new",
      "-nodes",
      ...key,
      "-keyout",
      "/dev/null",
      "-subj",
      subject,
      ...more,
      "-out",
      out,
    ]);
    return await readFile(out, "utf8");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const ecKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];

interface Outcome {
  readonly code: string;
  readonly nodeId?: string;
  readonly state?: string | undefined;
  readonly pem?: string;
}

/** Asks for a certificate with `csr`, and what became of it. */
async function requested(channel: Channel, csr: Buffer, token: string): Promise<Outcome> {
  const answer = nodeCaOf(channel).IssueNodeCertificate({ csr, token, role: "MANAGER" }, inTime);
  const code = await codeOf(answer);
  if (code !== "OK") return { code };
  const { nodeId = "" } = await answer;
  return await eventually(async () => {
    const { status, certificate } = await nodeCaOf(channel).NodeCertificateStatus({ nodeId }, inTime);
    return { code, nodeId, state: status?.state, pem: certificate?.certificate?.toString() ?? "" };
  });
}

test("whatever a request says, its certificate says what the manager knows", async () => {
  const { leader } = group;
  const victim = await group.worker();
  const names = `/O=${group.authority.clusterId}/OU=swarm-manager/CN=${leader.nodeId}`;
  const csr = await opensslRequest(names, ecKey, [
    "basicConstraints=critical,CA:true",
    "keyUsage=critical,keyCertSign,cRLSign",
    `subjectAltName=DNS:swarm-manager,DNS:swarm-ca,DNS:${victim.nodeId}`,
    "extendedKeyUsage=serverAuth,OCSPSigning",
  ]);
  const evil = await group.worker();
  const attackers: readonly [Channel, string][] = [
    [group.channel(undefined, leader), group.joinTokens().worker],
    // A token in the hands of a node does not make it another: its certificate counts.
    [group.channel(evil, leader), group.joinTokens().manager],
  ];
  for (const [channel, token] of attackers) {
    const { nodeId = "", state, pem = "" } = await requested(channel, Buffer.from(csr), token);
    expect(state).toBe("ISSUED");
    expect([leader.nodeId, victim.nodeId]).not.toContain(nodeId);
    expect(describeCertificate(pem)).toMatchObject({ nodeId, role: "swarm-worker" });
    const text = (await run("sh", ["-c", 'printf %s "$1" | openssl x509 -noout -text', "sh", pem])).stdout;
    expect(text).toContain("CA:FALSE");
    for (const word of ["Certificate Sign", "CRL Sign", leader.nodeId, victim.nodeId, "OCSP", "swarm-ca, "]) {
      expect(text.replace(/Issuer:.*/, "")).not.toContain(word === "swarm-ca, " ? "DNS:swarm-ca," : word);
    }
  }
});

test("requests that are none, too large, or for keys that nobody should have, issue nothing", async () => {
  const good = (await createCertificateRequest({ crypto: globalThis.crypto })).csrPem;
  const [other] = (await createCertificateRequest({ crypto: globalThis.crypto })).csrPem.match(/.{64}/g) ?? [];
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const bad: readonly Buffer[] = [
    Buffer.from("garbage"),
    random.bytes(1_000),
    Buffer.from(`${good}${good}`),
    Buffer.from(good.replace(/.{64}/, other ?? "")),
    Buffer.from(group.authority.rootPem),
    Buffer.from(publicKey.export({ type: "spki", format: "pem" }).toString()),
    Buffer.from(good.replace("CERTIFICATE REQUEST", "EC PRIVATE KEY")),
    Buffer.alloc(17_000, "A"),
    Buffer.alloc(60_000, good),
    Buffer.from(await opensslRequest("/CN=x", ["-newkey", "rsa:1024"], [])),
    Buffer.from(await opensslRequest("/CN=x", ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"], [])),
    Buffer.from(await opensslRequest("/CN=x", ["-newkey", "ed25519"], [])),
  ];
  const stranger = group.channel(undefined, group.leader);
  const { worker } = group.joinTokens();
  for (const csr of bad) {
    const outcome = await requested(stranger, csr, worker);
    expect(["INVALID_ARGUMENT", "FAILED"]).toContain(outcome.code === "OK" ? outcome.state : outcome.code);
    expect(outcome.pem ?? "").toBe("");
  }
});

test("tokens that are guessed at speed get nothing, write nothing, log nothing, and keep nobody waiting", async () => {
  const { leader } = group;
  const worker = await group.worker();
  const citizens = await startCitizens(group.channel(worker, leader), controlOf(leader));
  const { csrPem } = await createCertificateRequest({ crypto: globalThis.crypto });
  const csr = Buffer.from(csrPem);
  const [before, lines] = [nodeCount(), group.lines.length];
  const own = group.joinTokens().worker;
  const guesses = (): string[] => [
    newJoinToken(group.authority.rootPem, random),
    own.slice(0, -1),
    `${own}0`,
    "",
    own.toUpperCase(),
  ];
  const outcomes = new Set<string>();
  const guessers = Array.from({ length: 10 }, async () => {
    const nodeCa = nodeCaOf(group.channel(undefined, leader));
    for (let round = 0; round < 20; round += 1) {
      const calls = guesses().map((token) => codeOf(nodeCa.IssueNodeCertificate({ csr, token }, inTime)));
      for (const outcome of await Promise.all(calls)) outcomes.add(outcome);
    }
  });
  await Promise.all(guessers);
  const report = await citizens.stop();
  expect([...outcomes]).toEqual(["INVALID_ARGUMENT"]);
  expect(nodeCount()).toBe(before);
  expect(group.lines.length - lines).toBeLessThan(5);
  expect(report.failures).toEqual([]);
  expect(report.heartbeats).toBeGreaterThan(2);
});

test("how long a token takes to be refused says nothing about how much of it is right", () => {
  const token = newJoinToken(group.authority.rootPem, random);
  const flip = (text: string, at: number): string =>
    text.slice(0, at) + (text[at] === "x" ? "y" : "x") + text.slice(at + 1);
  const candidates = [flip(token, 0), flip(token, token.length - 1), "x", token.repeat(3)];
  const rounds = 400;
  const samples = candidates.map((): number[] => []);
  // Interleaved, so that what else the machine does hits all alike.
  for (let round = 0; round < rounds; round += 1) {
    candidates.forEach((candidate, which) => {
      const begun = process.hrtime.bigint();
      for (let count = 0; count < 50; count += 1) tokensEqual(candidate, token);
      samples[which]?.push(Number(process.hrtime.bigint() - begun));
    });
  }
  const median = (values: number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
  const [first = 0, last = 0] = samples.map(median);
  // A comparison that stops at the first difference is several times faster for the first of them.
  expect(Math.abs(first - last) / Math.max(first, last)).toBeLessThan(0.5);
});

test("callers who wait for certificates of others cannot keep a node from its own", async () => {
  const { leader } = group;
  const [evil, victim] = [await group.worker(), await group.worker()];
  const { csrPem } = await createCertificateRequest({ crypto: globalThis.crypto });
  const pendingId = "pending000000000000000000";
  await leader.manager.store.update((tx) =>
    tx.create(nodes, { id: pendingId, spec: { membership: "PENDING" }, certificate: { status: { state: "PENDING" } } }),
  );
  const over = new AbortController();
  const waiting = Array.from({ length: 5 }, () => nodeCaOf(group.channel(evil, leader))).flatMap((nodeCa) =>
    Array.from({ length: 100 }, () =>
      codeOf(nodeCa.NodeCertificateStatus({ nodeId: pendingId }, { signal: over.signal, timeout: seconds(30) })),
    ),
  );
  const refused = await eventually(async () => await Promise.race(waiting));
  expect(refused).toBe("RESOURCE_EXHAUSTED");
  const { state, pem } = await requested(group.channel(victim, leader), Buffer.from(csrPem), "");
  expect(state).toBe("ISSUED");
  expect(pem).not.toBe("");
  over.abort();
  await Promise.all(waiting);
});

/** A manager of an attacker's own, who knows what everybody may know of the real cluster. */
async function impostor(root: { readonly certificate: string; readonly identity: TestNode }) {
  const heard: string[] = [];
  const server = createRpcServer({
    tls: new TlsMaterial(root.identity),
    verifier: {
      verifyClient: () => Promise.reject(new TypeError("never asked")),
      verifyServer: () => Promise.reject(new TypeError("never asked")),
    },
    services: [
      bindService(
        "docker.swarmkit.v1.CA",
        {
          GetRootCACertificate: async () => ({ certificate: Buffer.from(root.certificate) }),
          GetUnlockKey: async () => ({}),
        },
        { GetRootCACertificate: anyone("test"), GetUnlockKey: roles("swarm-manager") },
      ),
      bindService(
        "docker.swarmkit.v1.NodeCA",
        {
          IssueNodeCertificate: async ({ token = "" }) => {
            heard.push(token);
            return { nodeId: "evil" };
          },
          NodeCertificateStatus: async () => ({}),
        },
        { IssueNodeCertificate: anyone("test"), NodeCertificateStatus: anyone("test") },
      ),
    ],
    clusterId: () => "",
    isRemoved: () => false,
    clock,
    log: silentLogger(),
  });
  const [host = "", port = ""] = freshAddress().split(":");
  await server.listenTcp({ host, port: Number(port) });
  return { server, heard, address: `${host}:${port}` };
}

test("a man in the middle who has a root of the same name learns no token, whichever root he shows", async () => {
  const evil = await testAuthority({ clock, clusterId: group.authority.clusterId });
  const identity = await evil.node({ nodeId: group.leader.nodeId });
  for (const certificate of [evil.rootPem, group.authority.rootPem, evil.rootPem + group.authority.rootPem]) {
    const { server, heard, address } = await impostor({ certificate, identity });
    const joiner = await daemons.running();
    const over = new AbortController();
    const joining = codeOf(
      joiner.membership.join(
        { joinToken: group.joinTokens().worker, remoteAddrs: [address], listenAddr: joiner.address },
        over.signal,
      ),
    );
    await Promise.race([joining, clock.sleep(milliseconds(1_500))]);
    over.abort();
    expect(await joining).not.toBe("OK");
    expect(heard).toEqual([]);
    await server.close();
    await joiner.stop();
  }
});
