// The cluster object: settings and join tokens. No answer contains keys. Source: swarmkit manager/controlapi/cluster.go.

import { newJoinToken } from "@mswarm/pki";
import { unimplemented } from "@mswarm/runtime";
import { clusters } from "@mswarm/store";
import type {
  Cluster,
  ClusterSpec,
  GetClusterRequest,
  GetClusterResponse,
  KeyRotation,
  ListClustersRequest,
  ListClustersResponse,
  RootCA,
  UpdateClusterRequest,
  UpdateClusterResponse,
} from "@mswarm/wire";
import { validateClusterSpec } from "../objects/cluster-spec.ts";
import { redactedCluster } from "../objects/redaction.ts";
import { currentRemovedNodes } from "../objects/removed-nodes.ts";
import type { ControlOperation, ControlParts } from "./control-parts.ts";
import { described, meetsAll } from "./filters.ts";
import { asRead, existing, incomplete, listed } from "./stored.ts";

/** Errors: INVALID_ARGUMENT, NOT_FOUND. */
export const getCluster: ControlOperation<GetClusterRequest, GetClusterResponse> = async (
  { store },
  { clusterId = "" },
) => {
  if (clusterId === "") throw incomplete();
  return { cluster: redactedCluster(store.view((tx) => existing(tx, clusters, clusterId))) };
};

export const listClusters: ControlOperation<ListClustersRequest, ListClustersResponse> = async (
  { store },
  { filters },
) => {
  const chosen = listed(store, clusters, (cluster) => meetsAll(described(cluster), filters));
  return { clusters: chosen.map(redactedCluster) };
};

/**
 * Changes settings, and replaces join tokens where asked to.
 * Errors: INVALID_ARGUMENT, NOT_FOUND, UNKNOWN for a stale version, UNIMPLEMENTED for a change of the root, external
 * authorities and locked managers.
 */
export const updateCluster: ControlOperation<UpdateClusterRequest, UpdateClusterResponse> = async (
  parts,
  { clusterId = "", clusterVersion, spec, rotation = {} },
) => {
  if (clusterId === "" || clusterVersion === undefined) throw incomplete();
  validateClusterSpec(spec);
  const cluster = await parts.store.update((tx) => {
    const stored = existing(tx, clusters, clusterId);
    requireSupportedCluster(stored, spec);
    const next: Cluster = {
      ...stored,
      spec,
      rootCa: withNewTokens(stored.rootCa ?? {}, rotation, parts),
      blacklistedCertificates: currentRemovedNodes(stored, parts.clock.now()),
    };
    return tx.update(clusters, asRead(next, clusterVersion));
  });
  return { cluster: redactedCluster(cluster) };
};

function requireSupportedCluster(stored: Cluster, { caConfig, encryptionConfig }: ClusterSpec): void {
  const changesRoot =
    (caConfig?.signingCaCert?.length ?? 0) > 0 ||
    (caConfig?.signingCaKey?.length ?? 0) > 0 ||
    (caConfig?.forceRotate ?? "0") !== (stored.rootCa?.lastForcedRotation ?? "0");
  if (changesRoot) throw unimplemented("this version of mswarm cannot rotate the root certificate of a swarm");
  if ((caConfig?.externalCas ?? []).length > 0) {
    throw unimplemented(
      "this version of mswarm signs node certificates itself: external authorities are not supported",
    );
  }
  if (encryptionConfig?.autoLockManagers === true) {
    throw unimplemented("this version of mswarm cannot lock managers: leave autolock off");
  }
}

function withNewTokens(root: RootCA, rotation: KeyRotation, { random }: ControlParts): RootCA {
  if (rotation.workerJoinToken !== true && rotation.managerJoinToken !== true) return root;
  const rootPem = (root.caCert ?? Buffer.alloc(0)).toString("utf8");
  const joinTokens = {
    ...root.joinTokens,
    ...(rotation.workerJoinToken === true ? { worker: newJoinToken(rootPem, random) } : {}),
    ...(rotation.managerJoinToken === true ? { manager: newJoinToken(rootPem, random) } : {}),
  };
  return { ...root, joinTokens };
}
