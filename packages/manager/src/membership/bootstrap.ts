// The objects that a cluster begins with (wire 5.9).
import { type Duration, durationOf, hours, newId, type Random, seconds, wireDuration } from "@mswarm/runtime";
import { clusters, networks, nodes, type Store, type WriteTransaction } from "@mswarm/store";
import type { Cluster, ClusterSpec, EncryptionKey, Network, NodeSpec_Availability } from "@mswarm/wire";

/** What a new cluster is made of. Held in memory only until it is replicated; it holds the cluster's secrets. */
export interface InitialCluster {
  /** O of every certificate. */
  readonly clusterId: string;
  /** The first manager. */
  readonly nodeId: string;
  readonly root: {
    readonly certificatePem: string;
    /** SHA-256 of `certificatePem`, 64 hex digits. */
    readonly digest: string;
    /** Absent where the key lies with an external authority. */
    readonly keyPem?: string;
  };
  /** The first manager's own certificate: its end is shown, and counts when the node is removed. */
  readonly certificatePem?: string;
  readonly joinTokens: { readonly worker: string; readonly manager: string };
  /** ACTIVE where absent. */
  readonly availability?: NodeSpec_Availability;
  /** With autolock: the managers' unlock key. */
  readonly unlockKey?: Buffer;
  readonly defaultAddressPool?: readonly string[];
  readonly subnetSize?: number;
  /** VXLAN port; 4789 where absent. */
  readonly dataPathPort?: number;
  /** Laid over the defaults. */
  readonly spec?: ClusterSpec;
}

const nodeCertificateExpiry: Duration = hours(2_160);
const vxlanPort = 4_789;

/** Networks that exist on every Linux node. Source: swarmkit manager/allocator/networkallocator, PredefinedNetworks. */
const predefinedNetworks = ["bridge", "host"] as const;

/**
 * Creates what is missing of the initial objects, in one transaction: the cluster, the first manager's node, the
 * predefined networks. Does nothing to a cluster that is complete. For a new leader, before everything else.
 */
export async function bootstrapCluster(
  parts: { readonly store: Store; readonly random: Random },
  initial: InitialCluster,
): Promise<void> {
  await parts.store.update((tx) => {
    if (tx.get(clusters, initial.clusterId) === undefined) tx.create(clusters, clusterOf(initial));
    if (tx.get(nodes, initial.nodeId) === undefined) createFirstNode(tx, initial);
    for (const name of predefinedNetworks) {
      if (tx.by(networks, "name", name).length === 0) tx.create(networks, predefined(name, newId(parts.random)));
    }
  });
}

/** Defaults of a cluster that nobody configured. Source: swarmkit manager/manager.go, defaultClusterObject. */
function defaultSpec(initial: InitialCluster): ClusterSpec {
  return {
    annotations: { name: "default" },
    orchestration: { taskHistoryRetentionLimit: "5" },
    raft: { snapshotInterval: "10000", logEntriesForSlowFollowers: "500", heartbeatTick: 1, electionTick: 10 },
    dispatcher: { heartbeatPeriod: wireDuration(seconds(5)) },
    caConfig: { nodeCertExpiry: wireDuration(nodeCertificateExpiry) },
    encryptionConfig: { autoLockManagers: initial.unlockKey !== undefined },
  };
}

function clusterOf(initial: InitialCluster): Cluster {
  const { root, unlockKey } = initial;
  const key: EncryptionKey[] = unlockKey === undefined ? [] : [{ subsystem: "swarm-manager", key: unlockKey }];
  return {
    id: initial.clusterId,
    spec: { ...defaultSpec(initial), ...initial.spec },
    rootCa: {
      ...(root.keyPem === undefined ? {} : { caKey: Buffer.from(root.keyPem) }),
      caCert: Buffer.from(root.certificatePem),
      caCertHash: `sha256:${root.digest}`,
      joinTokens: { ...initial.joinTokens },
    },
    ...(key.length === 0 ? {} : { unlockKeys: key }),
    ...(initial.defaultAddressPool === undefined ? {} : { defaultAddressPool: [...initial.defaultAddressPool] }),
    ...(initial.subnetSize === undefined ? {} : { subnetSize: initial.subnetSize }),
    VXLANUDPPort: initial.dataPathPort ?? vxlanPort,
  };
}

/** Its role is raised by the role manager, as everyone's. */
function createFirstNode(tx: WriteTransaction, initial: InitialCluster): void {
  tx.create(nodes, {
    id: initial.nodeId,
    certificate: {
      cn: initial.nodeId,
      role: "MANAGER",
      status: { state: "ISSUED" },
      ...(initial.certificatePem === undefined ? {} : { certificate: Buffer.from(initial.certificatePem) }),
    },
    spec: { desiredRole: "MANAGER", membership: "ACCEPTED", availability: initial.availability ?? "ACTIVE" },
    VXLANUDPPort: initial.dataPathPort ?? vxlanPort,
  });
}

const predefined = (name: string, id: string): Network => ({
  id,
  spec: {
    annotations: { name, labels: { "com.docker.swarm.predefined": "true" } },
    driverConfig: { name },
  },
});

/** The expiry that new certificates get by the initial spec, for the first node's self-issued one. */
export const initialCertificateExpiry = (spec: ClusterSpec | undefined): Duration =>
  durationOf(spec?.caConfig?.nodeCertExpiry, nodeCertificateExpiry);
