// Chains made by openssl: key types, digests and constraints that our own signer never writes.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@mswarm/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ChainVerifier } from "./certificate-chain.ts";
import { certificatesOfPem } from "./pem.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "mswarm-chains-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

const ca = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign";
const leaf =
  "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\n" +
  "subjectAltName=DNS:swarm-manager";

/** Signs `name` by `issuer` (itself where equal) and returns the file names without ending. */
function issue(name: string, issuer: string, options: { extensions: string; key?: string; digest?: string }): void {
  const file = (ending: string, of = name): string => join(directory, `${of}.${ending}`);
  const key = (options.key ?? "ec -pkeyopt ec_paramgen_curve:P-256").split(" ");
  const subject = options.extensions.includes("CA:TRUE") ? `/CN=${name}` : "/O=cluster/OU=swarm-manager/CN=node";
  const run = (...args: string[]): void => void execFileSync("openssl", args, { stdio: "ignore" });
  run("req", "-new", "-newkey", ...key, "-nodes", "-keyout", file("key"), "-out", file("csr"), "-subj", subject);
  writeFileSync(file("ext"), options.extensions);
  const signer =
    issuer === name ? ["-signkey", file("key")] : ["-CA", file("crt", issuer), "-CAkey", file("key", issuer)];
  const digest = options.digest ?? "-sha256";
  run(
    ..."x509 -req -days 2 -set_serial 77".split(" "),
    digest,
    "-in",
    file("csr"),
    "-out",
    file("crt"),
    "-extfile",
    file("ext"),
    ...signer,
  );
}

async function verdict(rootName: string, ...chain: string[]): Promise<string> {
  const pem = (name: string): string => readFileSync(join(directory, `${name}.crt`), "utf8");
  const verifier = new ChainVerifier({ rootPem: () => pem(rootName), clock: systemClock() });
  const ders = chain.flatMap((name) => certificatesOfPem(pem(name)));
  return await verifier.verifyNode(ders, "server", "swarm-manager").then(
    () => "accepted",
    (error: unknown) => String(error instanceof Error && "rule" in error ? error.rule : error),
  );
}

test.each([
  ["RSA 2048", "rsa:2048", "-sha256", "accepted"],
  ["RSA 2048 with SHA-512", "rsa:2048", "-sha512", "accepted"],
  ["P-384", "ec -pkeyopt ec_paramgen_curve:P-384", "-sha384", "accepted"],
  ["P-521", "ec -pkeyopt ec_paramgen_curve:P-521", "-sha512", "accepted"],
  ["RSA 1024", "rsa:1024", "-sha256", "unsupported"],
  ["a curve outside NIST's", "ec -pkeyopt ec_paramgen_curve:secp256k1", "-sha256", "unsupported"],
  ["SHA-1", "rsa:2048", "-sha1", "unsupported"],
])("an authority with %s: %s %s → %s", async (_name, key, digest, expected) => {
  issue("root", "root", { extensions: ca, key, digest });
  issue("node", "root", { extensions: leaf, digest });
  expect(await verdict("root", "node")).toBe(expected);
});

test("a path may not be longer than its authority allows", async () => {
  issue("short", "short", { extensions: ca.replace("CA:TRUE", "CA:TRUE,pathlen:0") });
  issue("middle", "short", { extensions: ca });
  issue("direct", "short", { extensions: leaf });
  issue("deep", "middle", { extensions: leaf });
  expect(await verdict("short", "direct")).toBe("accepted");
  expect(await verdict("short", "deep", "middle")).toBe("not-an-authority");
});

test("name constraints and unknown critical extensions are refused, not overlooked", async () => {
  issue("free", "free", { extensions: ca });
  issue("constrained", "free", { extensions: `${ca}\nnameConstraints=permitted;DNS:example.org` });
  issue("below", "constrained", { extensions: leaf });
  issue("odd", "free", { extensions: `${leaf}\n1.2.3.4=critical,ASN1:NULL` });
  issue("harmless", "free", { extensions: `${leaf}\n1.2.3.4=ASN1:NULL` });
  expect(await verdict("free", "below", "constrained")).toBe("unsupported");
  expect(await verdict("free", "odd")).toBe("unsupported");
  expect(await verdict("free", "harmless")).toBe("accepted");
});
