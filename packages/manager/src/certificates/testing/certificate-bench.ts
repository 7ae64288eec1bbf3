// A certificate server with a real authority over a store that commits at once.
import { webcrypto } from "node:crypto";
import { createAuthority, createCertificateRequest, newJoinToken } from "@mswarm/pki";
import type { Call, CertificateRole } from "@mswarm/rpc";
import { cryptoRandom, type Logger, silentLogger } from "@mswarm/runtime";
import { SimulatedClock } from "@mswarm/runtime/simulated";
import { clusters, nodes, type Store } from "@mswarm/store";
import { leadingStore } from "@mswarm/store/testing";
import type { Cluster, Node } from "@mswarm/wire";
import { CertificateServer } from "../certificate-server.ts";
import { authorityLoader, type SignerLoader } from "../signer.ts";

export const clusterId: string = "c".repeat(25);
export const managerId: string = "m".repeat(25);

export interface CertificateBench {
  readonly clock: SimulatedClock;
  readonly store: Store;
  readonly server: CertificateServer;
  readonly rootPem: string;
  readonly tokens: { readonly worker: string; readonly manager: string };
  /** Begins a leadership; the returned function ends it. */
  lead(): () => Promise<void>;
  addNode(id: string, node?: Partial<Node>): Promise<void>;
  node(id: string): Node | undefined;
  changeCluster(change: (cluster: Cluster) => Cluster): Promise<void>;
}

export async function certificateBench(
  parts: { readonly loadSigner?: SignerLoader; readonly log?: Logger } = {},
): Promise<CertificateBench> {
  const clock = new SimulatedClock();
  const random = cryptoRandom();
  const crypto = webcrypto;
  const { rootPem, keyPem } = await createAuthority({ crypto, clock, random });
  const store = leadingStore({ clock, random });
  const tokens = { worker: newJoinToken(rootPem, random), manager: newJoinToken(rootPem, random) };
  await store.update((tx) =>
    tx.create(clusters, {
      id: clusterId,
      spec: { annotations: { name: "default" } },
      rootCa: { caCert: Buffer.from(rootPem), caKey: Buffer.from(keyPem), joinTokens: tokens },
      VXLANUDPPort: 4789,
    }),
  );
  const server = new CertificateServer({
    store,
    clock,
    random,
    log: parts.log ?? silentLogger(),
    nodeId: managerId,
    clusterId,
    loadSigner: parts.loadSigner ?? authorityLoader({ crypto, clock, random }),
  });
  return {
    clock,
    store,
    server,
    rootPem,
    tokens,
    lead: () => {
      const controller = new AbortController();
      const running = server.run(controller.signal);
      return async () => {
        controller.abort();
        await running;
      };
    },
    addNode: async (id, node = {}) =>
      void (await store.update((tx) =>
        tx.create(nodes, { id, spec: { membership: "ACCEPTED" }, description: { hostname: id }, ...node }),
      )),
    node: (id) => store.view((tx) => tx.get(nodes, id)),
    changeCluster: async (change) =>
      void (await store.update((tx) => tx.update(clusters, change(tx.get(clusters, clusterId) ?? {})))),
  };
}

/** A new certificate request as it goes over the wire. */
export async function newCsr(): Promise<Buffer> {
  return Buffer.from((await createCertificateRequest({ crypto: webcrypto })).csrPem);
}

/** A call without a certificate. */
export function stranger(
  signal: AbortSignal = new AbortController().signal,
  remoteAddress: string = "192.0.2.9:5000",
): Call {
  return {
    caller: { identity: undefined, remoteAddress, forwarder: undefined, isLocal: false },
    signal,
    deadline: undefined,
    user: undefined,
  };
}

/** A call of a node with a verified certificate. */
export function member(nodeId: string, role: CertificateRole = "swarm-worker", cluster: string = clusterId): Call {
  const call = stranger();
  return { ...call, caller: { ...call.caller, identity: { nodeId, role, clusterId: cluster } } };
}

/** A call on this manager's control socket. */
export function local(): Call {
  const call = stranger();
  return { ...call, caller: { ...call.caller, isLocal: true, remoteAddress: "" } };
}
