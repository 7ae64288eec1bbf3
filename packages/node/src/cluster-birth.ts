// The two ways a node comes to belong to a cluster: it makes one, or it is admitted to one.

import { type InitialCluster, initialCertificateExpiry } from "@mswarm/manager";
import { createAuthority, createCertificateRequest, joinFlow, newJoinToken } from "@mswarm/pki";
import { type Clock, type Logger, newId, type Random } from "@mswarm/runtime";
import type { mswarm, NodeSpec_Availability } from "@mswarm/wire";
import { Credentials } from "./credentials.ts";
import { joinFailure } from "./join-failure.ts";
import { joinClient } from "./manager-connections.ts";

export interface BirthParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Where the certificate goes. */
  readonly certificates: string;
}

const availabilities: ReadonlyMap<string, NodeSpec_Availability> = new Map([
  ["", "ACTIVE"],
  ["active", "ACTIVE"],
  ["pause", "PAUSE"],
  ["drain", "DRAIN"],
]);

/** Undefined for a word that is none. */
export const availabilityOf = (word: string): NodeSpec_Availability | undefined => availabilities.get(word);

/**
 * Makes the root of a new cluster and signs the first manager's certificate with it. The root's key exists in memory
 * and, once the cluster runs, in the encrypted log; never in a file.
 */
export async function giveBirth(
  request: mswarm.InitRequest,
  parts: BirthParts,
): Promise<{ credentials: Credentials; initial: InitialCluster }> {
  const { clock, random } = parts;
  const crypto = globalThis.crypto;
  const clusterId = newId(random);
  const nodeId = newId(random);
  const { authority, rootPem, keyPem: rootKeyPem } = await createAuthority({ crypto, clock, random });
  const { csrPem, keyPem } = await createCertificateRequest({ crypto });
  const certificatePem = await authority.signNodeCertificate(
    csrPem,
    { nodeId, role: "swarm-manager", clusterId },
    { validity: initialCertificateExpiry(undefined) },
  );
  const credentials = await Credentials.store(
    parts.certificates,
    { rootPem, certificatePem, keyPem, raftDek: random.bytes(32) },
    parts,
  );
  const initial: InitialCluster = {
    clusterId,
    nodeId,
    certificatePem,
    root: { certificatePem: rootPem, digest: authority.rootDigest, keyPem: rootKeyPem },
    joinTokens: { worker: newToken(rootPem, random), manager: newToken(rootPem, random) },
    availability: availabilityOf(request.availability ?? "") ?? "ACTIVE",
    ...((request.defaultAddrPool ?? []).length === 0 ? {} : { defaultAddressPool: request.defaultAddrPool ?? [] }),
    ...((request.subnetSize ?? 0) === 0 ? {} : { subnetSize: request.subnetSize ?? 0 }),
    ...((request.dataPathPort ?? 0) === 0 ? {} : { dataPathPort: request.dataPathPort ?? 0 }),
  };
  return { credentials, initial };
}

const newToken = (rootPem: string, random: Random): string => newJoinToken(rootPem, random);

/** Gets this node's first certificate with a join token. Errors: see `joinFailure`. Nothing is written when it fails. */
export async function beAdmitted(
  request: { readonly joinToken: string; readonly addresses: readonly string[]; readonly availability: string },
  parts: BirthParts,
  signal: AbortSignal,
): Promise<Credentials> {
  const { clock, random, log } = parts;
  const client = joinClient(request.addresses, request.availability, parts);
  const crypto = globalThis.crypto;
  const joining = joinFlow(request.joinToken, { crypto, clock, random, log, client }, signal);
  const result = await joining.catch((error: unknown) => {
    throw joinFailure(error, { addresses: request.addresses, lastFailure: client.lastFailure });
  });
  return await Credentials.store(
    parts.certificates,
    {
      rootPem: result.rootPem,
      certificatePem: result.certificate.chainPem,
      keyPem: result.keyPem,
      ...(result.certificate.role === "swarm-manager" ? { raftDek: random.bytes(32) } : {}),
    },
    parts,
  );
}
