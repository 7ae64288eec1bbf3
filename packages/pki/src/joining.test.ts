import { invalidArgument, minutes, notFound, silentLogger, unavailable } from "@mswarm/runtime";
import { SeededRandom, SimulatedClock } from "@mswarm/runtime/simulated";
import { beforeEach, expect, test } from "vitest";
import { defaultNodeCertificateValidity } from "./certificate-authority.ts";
import { createCertificateRequest } from "./certificate-request.ts";
import { type IssuanceStatus, requestNodeCertificate } from "./issuance.ts";
import { formatJoinToken, newJoinToken } from "./join-token.ts";
import { type JoinClient, type JoinParts, type JoinResult, joinFlow } from "./joining.ts";
import { certificatesOfPem } from "./pem.ts";
import { parsePrivateKey, publicKeyDerOf } from "./private-key.ts";
import { simulatedCrypto, type TestAuthority, testAuthority } from "./testing/index.ts";
import { parseCertificate } from "./x509.ts";

const clock = new SimulatedClock();
const crypto = simulatedCrypto(new SeededRandom(4));
let cluster: TestAuthority;
let token: string;
let manager: FakeManager;

/** A manager that can be told to lie. */
class FakeManager implements JoinClient {
  rootPem: string;
  signer: TestAuthority;
  /** Failures of the next calls of any kind. */
  failures: Error[] = [];
  /** Answers before the right one. */
  earlier: IssuanceStatus[] = [];
  nodeIdInCertificate = "node1";
  csrToSign: Buffer | undefined;
  calls: string[] = [];
  openConnections = 0;
  tokens: (string | undefined)[] = [];
  #csr: Buffer = Buffer.alloc(0);

  constructor(authority: TestAuthority) {
    this.rootPem = authority.rootPem;
    this.signer = authority;
  }

  #called(name: string): void {
    this.calls.push(name);
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
  }

  async getRootCertificate(): Promise<Buffer> {
    this.#called("root");
    return Buffer.from(this.rootPem);
  }

  async connect() {
    this.#called("connect");
    this.openConnections += 1;
    return {
      issueNodeCertificate: async (request: { csr: Buffer; token?: string }) => {
        this.#called("issue");
        this.tokens.push(request.token);
        this.#csr = request.csr;
        return { nodeId: "node1" };
      },
      nodeCertificateStatus: async (): Promise<IssuanceStatus> => {
        this.#called("status");
        const earlier = this.earlier.shift();
        if (earlier !== undefined) return earlier;
        const subject = { nodeId: this.nodeIdInCertificate, role: "swarm-manager", clusterId: "c1" } as const;
        const csrPem = (this.csrToSign ?? this.#csr).toString();
        const validity = defaultNodeCertificateValidity;
        const pem = await this.signer.authority.signNodeCertificate(csrPem, subject, { validity });
        return { state: "ISSUED", csr: this.#csr, certificate: Buffer.from(pem) };
      },
      close: () => {
        this.openConnections -= 1;
      },
    };
  }
}

const parts = (): JoinParts => ({
  client: manager,
  clock,
  crypto,
  random: new SeededRandom(1),
  log: silentLogger(),
});

/** Runs the flow while time passes. */
async function join(joinToken = token): Promise<JoinResult> {
  const flow = joinFlow(joinToken, parts(), new AbortController().signal);
  // Whoever awaits `flow` below sees the failure; time passes meanwhile.
  flow.catch(() => undefined);
  await clock.advance(minutes(5));
  return await flow;
}

beforeEach(async () => {
  cluster = await testAuthority({ clock, crypto });
  token = newJoinToken(cluster.rootPem, new SeededRandom(2));
  manager = new FakeManager(cluster);
});

test("a node joins: root pinned, own key, certificate for it", async () => {
  const result = await join();
  expect(result.rootPem).toBe(cluster.rootPem);
  expect(result.certificate).toMatchObject({ nodeId: "node1", role: "swarm-manager", clusterId: "c1" });
  const [leaf = Buffer.alloc(0)] = certificatesOfPem(result.certificate.chainPem);
  expect(parseCertificate(leaf).publicKeyDer).toEqual(publicKeyDerOf(parsePrivateKey(result.keyPem)));
  expect(manager.tokens).toEqual([token]);
  expect(manager.calls).toEqual(["root", "connect", "issue", "status"]);
  expect(manager.openConnections).toBe(0);
});

test("a root that the token does not name is refused with the digest that was expected, and the token stays here", async () => {
  manager.rootPem = (await testAuthority({ clock, crypto })).rootPem;
  const text = `remote CA does not match fingerprint. Expected: ${cluster.authority.rootDigest}`;
  await expect(join()).rejects.toMatchObject({ code: "INVALID_ARGUMENT", message: text });
  expect(manager.calls).toEqual(Array(5).fill("root"));
  expect(manager.tokens).toEqual([]);
});

test("the right digest over something that is no root is refused", async () => {
  manager.rootPem = "hello";
  await expect(join(newJoinToken("hello", new SeededRandom(3)))).rejects.toThrow("no valid root CA certificates found");
});

test("a malformed token and one that demands FIPS never leave the node", async () => {
  await expect(join("SWMTKN-1-x-y")).rejects.toThrow(/^invalid join token$/);
  await expect(join("")).rejects.toThrow(/^A valid join token is necessary to join this cluster$/);
  const fips = formatJoinToken({ rootDigest: cluster.authority.rootDigest, secret: Buffer.alloc(16), fips: true });
  await expect(join(fips)).rejects.toThrow("node is not FIPS-enabled but cluster requires FIPS");
  expect(manager.calls).toEqual([]);
});

test("managers that do not answer are passed over up to four times in each step", async () => {
  manager.failures = Array.from({ length: 4 }, () => unavailable("down"));
  await join();
  expect(manager.calls.filter((call) => call === "root")).toHaveLength(5);
  manager = new FakeManager(cluster);
  manager.failures = Array.from({ length: 5 }, () => unavailable("all down"));
  await expect(join()).rejects.toThrow("all down");
});

test("a refused token is not tried again", async () => {
  const text = "A valid join token is necessary to join this cluster";
  manager.failures = [];
  const refusing = manager;
  const connect = refusing.connect.bind(refusing);
  refusing.connect = async () => ({
    ...(await connect()),
    issueNodeCertificate: async () => {
      refusing.calls.push("issue");
      throw invalidArgument(text);
    },
  });
  await expect(join()).rejects.toMatchObject({ code: "INVALID_ARGUMENT", message: text });
  expect(refusing.calls.filter((call) => call === "issue")).toHaveLength(1);
  expect(refusing.openConnections).toBe(0);
});

test("answers to older requests, pending and failed ones are waited out", async () => {
  const certificate = Buffer.from((await cluster.node()).certificatePem);
  manager.earlier = [
    { state: "PENDING", csr: undefined, certificate: undefined },
    { state: "FAILED", csr: undefined, certificate: undefined },
    { state: "ISSUED", csr: Buffer.from("an older request"), certificate },
    { state: "ISSUED", csr: undefined, certificate },
  ];
  const result = await join();
  expect(result.certificate.nodeId).toBe("node1");
  expect(manager.calls.filter((call) => call === "status")).toHaveLength(5);
});

test("when the manager goes away while the node waits, another one is asked", async () => {
  const status = new FakeManager(cluster);
  manager = status;
  const connect = status.connect.bind(status);
  let connections = 0;
  status.connect = async () => {
    const client = await connect();
    connections += 1;
    return connections > 1
      ? client
      : {
          ...client,
          nodeCertificateStatus: async () => {
            throw notFound("NotFound");
          },
        };
  };
  expect((await join()).nodeId).toBe("node1");
  expect(connections).toBe(2);
  expect(status.openConnections).toBe(0);
});

test("a certificate of another root, for another key, or for another node is refused", async () => {
  manager.signer = await testAuthority({ clock, crypto });
  await expect(join()).rejects.toMatchObject({ rule: "unknown-authority" });
  manager = new FakeManager(cluster);
  manager.nodeIdInCertificate = "node2";
  await expect(join()).rejects.toThrow("for another node");
  manager = new FakeManager(cluster);
  manager.csrToSign = Buffer.from((await createCertificateRequest({ crypto })).csrPem);
  await expect(join()).rejects.toThrow("for another key");
});

test("a join that is given up stops at once", async () => {
  const abort = new AbortController();
  manager.earlier = Array.from({ length: 1_000 }, () => ({ state: "PENDING", csr: undefined, certificate: undefined }));
  const joining = joinFlow(token, parts(), abort.signal);
  setImmediate(() => abort.abort(unavailable("the user pressed ctrl-c")));
  await expect(joining).rejects.toThrow("ctrl-c");
});

test("a renewal sends no token", async () => {
  const { signal } = new AbortController();
  const connect = (): ReturnType<FakeManager["connect"]> => manager.connect();
  const renewed = await requestNodeCertificate({ rootPem: cluster.rootPem }, { ...parts(), connect }, signal);
  expect(renewed.certificate.nodeId).toBe("node1");
  expect(manager.tokens).toEqual([undefined]);
});
