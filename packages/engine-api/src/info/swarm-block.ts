// `Swarm` of `GET /info`. Source: moby daemon/cluster/cluster.go and swarm.go, Info.
import { clusterJson } from "@mswarm/docker-json";
import { isSwarmError, messageOf } from "@mswarm/runtime";
import type { Cluster } from "@mswarm/wire";
import { grpcError } from "../errors/http-error.ts";
import { swarmIssuer } from "../routes/swarm-issuer.ts";
import type { ControlClient, FaceContext } from "../routing/face-context.ts";

/** Members in the order Docker writes them. */
export interface SwarmBlock {
  readonly NodeID: string;
  readonly NodeAddr: string;
  readonly LocalNodeState: string;
  readonly ControlAvailable: boolean;
  readonly Error: string;
  readonly RemoteManagers: readonly { readonly NodeID: string; readonly Addr: string }[] | null;
  readonly Nodes?: number;
  readonly Managers?: number;
  readonly Cluster?: unknown;
  readonly Warnings?: readonly string[];
}

const twoManagers = `WARNING: Running Swarm in a two-manager configuration. This configuration provides
         no fault tolerance, and poses a high risk to lose control over the cluster.
         Refer to https://docs.docker.com/engine/swarm/admin_guide/ to configure the
         Swarm for fault-tolerance.`;

/** What cannot be asked because there is no leader is missing, and why is in `Error`: so Docker does it. */
export async function swarmBlock(
  context: Pick<FaceContext, "nodeState" | "started" | "control">,
  signal: AbortSignal,
): Promise<SwarmBlock> {
  await context.started();
  const { kind, error, nodeId, nodeAddress, isManager, remoteManagers } = context.nodeState();
  const block: SwarmBlock = {
    NodeID: nodeId,
    NodeAddr: nodeAddress,
    LocalNodeState: kind,
    ControlAvailable: isManager,
    Error: error,
    RemoteManagers:
      remoteManagers.length === 0
        ? null
        : remoteManagers.map((manager) => ({ NodeID: manager.nodeId, Addr: manager.address })),
  };
  if (!isManager) return block;
  try {
    return { ...block, ...(await asManager(await context.control(), signal)) };
  } catch (failure) {
    const known = isSwarmError(failure) ? grpcError(failure) : failure;
    return { ...block, Error: messageOf(known) };
  }
}

async function asManager(control: ControlClient, signal: AbortSignal): Promise<Partial<SwarmBlock>> {
  const [{ clusters = [] }, { nodes = [] }] = await Promise.all([
    control.ListClusters({}, { signal }),
    control.ListNodes({}, { signal }),
  ]);
  const cluster: Cluster = clusters[0] ?? {};
  const managers = nodes.filter(({ managerStatus }) => managerStatus !== undefined && managerStatus !== null).length;
  return {
    ...(nodes.length === 0 ? {} : { Nodes: nodes.length }),
    ...(managers === 0 ? {} : { Managers: managers }),
    Cluster: clusterJson(cluster, swarmIssuer(cluster)),
    ...(managers === 2 ? { Warnings: [twoManagers] } : {}),
  };
}
