// How this node reaches managers before and between sessions: to join, to renew its certificate, to join Raft.

import {
  authorityServerName,
  ChainVerifier,
  type IssuanceClient,
  type JoinClient,
  managerServerName,
} from "@mswarm/pki";
import { type Channel, openChannel, type PeerVerifier } from "@mswarm/rpc";
import { type Clock, messageOf, pick, type Random, seconds, unavailable } from "@mswarm/runtime";
import type { Remotes } from "@mswarm/worker";
import type { Credentials } from "./credentials.ts";

export interface ConnectionParts {
  readonly clock: Clock;
  readonly random: Random;
}

/** Longest pause before a broken connection is tried again; a joining user is waiting. */
const joinReconnectDelay = seconds(2);

const noneKnown = "no manager of the cluster is known to this node";

/** The certificate calls on one channel. */
export function issuanceClient(channel: Channel): IssuanceClient {
  const nodeCa = channel.client("docker.swarmkit.v1.NodeCA");
  return {
    issueNodeCertificate: async ({ csr, token }, signal) => {
      const answer = await nodeCa.IssueNodeCertificate({ csr, ...(token === undefined ? {} : { token }) }, { signal });
      return { nodeId: answer.nodeId ?? "" };
    },
    nodeCertificateStatus: async (nodeId, signal) => {
      const { status, certificate } = await nodeCa.NodeCertificateStatus({ nodeId }, { signal });
      return { state: status?.state ?? "UNKNOWN", csr: certificate?.csr, certificate: certificate?.certificate };
    },
    close: () => channel.close(),
  };
}

export interface ObservedJoinClient extends JoinClient {
  /** `address: text` of the last call that failed; a time limit that ends the join says less. */
  readonly lastFailure: string | undefined;
}

/** Managers as a node without a certificate reaches them: each try asks another of the given addresses. */
export function joinClient(
  addresses: readonly string[],
  availability: string,
  parts: ConnectionParts,
): ObservedJoinClient {
  let turn = 0;
  let lastFailure: string | undefined;
  const observed = async <R>(address: string, call: () => Promise<R>): Promise<R> => {
    try {
      return await call();
    } catch (error) {
      lastFailure = `${address}: ${messageOf(error)}`;
      throw error;
    }
  };
  const nextAddress = (): string => {
    const address = addresses[turn % addresses.length];
    turn += 1;
    if (address === undefined) throw unavailable("at least 1 RemoteAddr is required to join");
    return address;
  };
  return {
    get lastFailure() {
      return lastFailure;
    },
    getRootCertificate: async (signal) => {
      const address = nextAddress();
      const channel = openChannel({
        address,
        serverName: "",
        verifier: "none",
        clock: parts.clock,
        maxReconnectDelay: joinReconnectDelay,
      });
      try {
        const ca = channel.client("docker.swarmkit.v1.CA");
        const { certificate } = await observed(address, () => ca.GetRootCACertificate({}, { signal }));
        return certificate ?? Buffer.alloc(0);
      } finally {
        channel.close();
      }
    },
    connect: async (rootPem) => {
      const address = nextAddress();
      const channel = openChannel({
        address,
        serverName: authorityServerName,
        verifier: serverVerifier(rootPem, parts.clock),
        clock: parts.clock,
        maxReconnectDelay: joinReconnectDelay,
      });
      const client = withAvailability(channel, availability);
      return {
        ...client,
        issueNodeCertificate: (request, signal) =>
          observed(address, () => client.issueNodeCertificate(request, signal)),
      };
    },
  };
}

/** As `issuanceClient`, for a first certificate: the request also says what the new node is available for. */
function withAvailability(channel: Channel, availability: string): IssuanceClient {
  const nodeCa = channel.client("docker.swarmkit.v1.NodeCA");
  const wanted = availability === "pause" ? "PAUSE" : availability === "drain" ? "DRAIN" : "ACTIVE";
  return {
    ...issuanceClient(channel),
    issueNodeCertificate: async ({ csr, token }, signal) => {
      const request = { csr, availability: wanted, ...(token === undefined ? {} : { token }) } as const;
      const answer = await nodeCa.IssueNodeCertificate(request, { signal });
      return { nodeId: answer.nodeId ?? "" };
    },
  };
}

/** Trusts a root that was pinned by a token; there is no cluster id to compare with yet. */
function serverVerifier(rootPem: string, clock: Clock): PeerVerifier {
  const chain = new ChainVerifier({ rootPem: () => rootPem, clock });
  return {
    verifyClient: () => Promise.reject(unavailable("a joining node serves nobody")),
    verifyServer: async (presented, serverName) => {
      const { nodeId, role, clusterId } = await chain.verifyNode(presented, "server", serverName);
      return { nodeId, role, clusterId };
    },
  };
}

/** A channel to the manager at `address`, with this node's certificate. */
export function managerChannel(address: string, credentials: Credentials, clock: Clock): Channel {
  return openChannel({
    address,
    serverName: managerServerName,
    tls: credentials.tls,
    verifier: credentials.verifier,
    clock,
  });
}

/** A channel to some known manager, better ones more likely. Errors: UNAVAILABLE when none is known. */
export function someManagerChannel(credentials: Credentials, remotes: Remotes, parts: ConnectionParts): Channel {
  const remote = remotes.select(parts.random);
  if (remote === undefined) throw unavailable(noneKnown);
  return managerChannel(remote.address, credentials, parts.clock);
}

/**
 * A channel to a manager that is not this node, which cannot admit itself. Errors: UNAVAILABLE when none is known.
 *
 * @param ownAddress  that this node advertises
 */
export function otherManagerChannel(
  ownAddress: string,
  credentials: Credentials,
  remotes: Remotes,
  parts: ConnectionParts,
): Channel {
  const others = otherManagers(remotes, credentials, ownAddress);
  if (others.length === 0) {
    throw unavailable("this manager has no Raft log, and no other manager is known that could admit it to the cluster");
  }
  return managerChannel(pick(others, parts.random), credentials, parts.clock);
}

/** Addresses of the known managers but this node's. */
export function otherManagers(remotes: Remotes, credentials: Credentials, ownAddress: string): readonly string[] {
  const ownId = credentials.identity.nodeId;
  return remotes.peers
    .filter(({ nodeId, address }) => nodeId !== ownId && address !== ownAddress)
    .map(({ address }) => address);
}
