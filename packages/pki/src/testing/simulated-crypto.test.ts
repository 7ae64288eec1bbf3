import { hours } from "@mswarm/runtime";
import { SeededRandom } from "@mswarm/runtime/simulated";
import { expect, test } from "vitest";
import { ChainVerifier } from "../certificate-chain.ts";
import { certificatesOfPem } from "../pem.ts";
import { simulatedCrypto, testAuthority } from "./index.ts";

async function issueThree(seed: number): Promise<string[]> {
  const random = new SeededRandom(seed);
  const cluster = await testAuthority({ random, crypto: simulatedCrypto(random) });
  const nodes = [await cluster.node(), await cluster.node({ validity: hours(5) }), await cluster.node()];
  const verifier = new ChainVerifier({ rootPem: () => cluster.rootPem, clock: cluster.clock });
  for (const node of nodes) await verifier.verifyNode(certificatesOfPem(node.certificatePem), "client");
  return [cluster.rootPem, ...nodes.map((node) => node.certificatePem + node.keyPem)];
}

test("one seed gives the same keys and certificates, byte for byte, and real verifiers accept them", async () => {
  expect(await issueThree(1)).toEqual(await issueThree(1));
  expect(await issueThree(1)).not.toEqual(await issueThree(2));
});

test("certificates with equally long names are equally long", async () => {
  const lengths = (await issueThree(3)).slice(1).map((pem) => pem.length);
  expect(new Set(lengths).size).toBe(1);
});

test("issuing finishes in microtasks", async () => {
  let isDone = false;
  const work = issueThree(4).then(() => {
    isDone = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(isDone).toBe(true);
  await work;
});
