// docker.swarmkit.v1.Control: every operation of the control surface under its name on the wire.
import { type Call, type MethodName, type PolicyTable, roles, type ServiceOf } from "@mswarm/rpc";
import type { ControlDefinition, Handlers } from "@mswarm/wire";
import { listVolumes, refuseVolume } from "./cluster-volumes.ts";
import { getCluster, listClusters, updateCluster } from "./clusters.ts";
import { createConfig, getConfig, listConfigs, removeConfig, updateConfig } from "./configs.ts";
import type { ControlOperation, ControlParts } from "./control-parts.ts";
import { createExtension, getExtension, removeExtension } from "./extensions.ts";
import { createNetwork, getNetwork, listNetworks, removeNetwork } from "./networks.ts";
import { removeNode } from "./node-removal.ts";
import { getNode, listNodes, updateNode } from "./nodes.ts";
import { createResource, getResource, listResources, removeResource, updateResource } from "./resources.ts";
import { createSecret, getSecret, listSecrets, removeSecret, updateSecret } from "./secrets.ts";
import { listServiceStatuses } from "./service-statuses.ts";
import { createService, getService, listServices, removeService, updateService } from "./services.ts";
import { getTask, listTasks, removeTask } from "./tasks.ts";

type Control = Handlers["docker.swarmkit.v1.Control"];

/** Each method with the types that decoded messages have. */
export type ControlOperations = {
  readonly [K in MethodName<Control>]: ControlDefinition[K] extends {
    requestDeserialize: (bytes: Buffer) => infer Request;
    responseDeserialize: (bytes: Buffer) => infer Response;
  }
    ? (request: Request, call: Call) => Promise<Response>
    : never;
};

/**
 * All operations, for callers in this process. They run where the store leads: elsewhere reads answer from this
 * manager's state and writes fail, as on a Docker follower's TCP port.
 */
export function controlOperations(parts: ControlParts): ControlOperations {
  const bind =
    <Request, Response>(operation: ControlOperation<Request, Response>) =>
    (request: Request, call: Call): Promise<Response> =>
      operation(parts, request, call);
  return {
    GetNode: bind(getNode),
    ListNodes: bind(listNodes),
    UpdateNode: bind(updateNode),
    RemoveNode: bind(removeNode),
    GetTask: bind(getTask),
    ListTasks: bind(listTasks),
    RemoveTask: bind(removeTask),
    GetService: bind(getService),
    ListServices: bind(listServices),
    CreateService: bind(createService),
    UpdateService: bind(updateService),
    RemoveService: bind(removeService),
    ListServiceStatuses: bind(listServiceStatuses),
    GetNetwork: bind(getNetwork),
    ListNetworks: bind(listNetworks),
    CreateNetwork: bind(createNetwork),
    RemoveNetwork: bind(removeNetwork),
    GetCluster: bind(getCluster),
    ListClusters: bind(listClusters),
    UpdateCluster: bind(updateCluster),
    GetSecret: bind(getSecret),
    UpdateSecret: bind(updateSecret),
    ListSecrets: bind(listSecrets),
    CreateSecret: bind(createSecret),
    RemoveSecret: bind(removeSecret),
    GetConfig: bind(getConfig),
    UpdateConfig: bind(updateConfig),
    ListConfigs: bind(listConfigs),
    CreateConfig: bind(createConfig),
    RemoveConfig: bind(removeConfig),
    GetExtension: bind(getExtension),
    CreateExtension: bind(createExtension),
    RemoveExtension: bind(removeExtension),
    GetResource: bind(getResource),
    UpdateResource: bind(updateResource),
    ListResources: bind(listResources),
    CreateResource: bind(createResource),
    RemoveResource: bind(removeResource),
    CreateVolume: bind(refuseVolume),
    GetVolume: bind(refuseVolume),
    UpdateVolume: bind(refuseVolume),
    ListVolumes: bind(listVolumes),
    RemoveVolume: bind(refuseVolume),
  };
}

/** The same as handlers of the gRPC service. */
export function createControl(parts: ControlParts): ServiceOf<Control> {
  return controlOperations(parts);
}

const managersOnly = roles("swarm-manager");

/** Managers only, whatever the operation. */
export const controlPolicy: PolicyTable<Control> = {
  GetNode: managersOnly,
  ListNodes: managersOnly,
  UpdateNode: managersOnly,
  RemoveNode: managersOnly,
  GetTask: managersOnly,
  ListTasks: managersOnly,
  RemoveTask: managersOnly,
  GetService: managersOnly,
  ListServices: managersOnly,
  CreateService: managersOnly,
  UpdateService: managersOnly,
  RemoveService: managersOnly,
  ListServiceStatuses: managersOnly,
  GetNetwork: managersOnly,
  ListNetworks: managersOnly,
  CreateNetwork: managersOnly,
  RemoveNetwork: managersOnly,
  GetCluster: managersOnly,
  ListClusters: managersOnly,
  UpdateCluster: managersOnly,
  GetSecret: managersOnly,
  UpdateSecret: managersOnly,
  ListSecrets: managersOnly,
  CreateSecret: managersOnly,
  RemoveSecret: managersOnly,
  GetConfig: managersOnly,
  UpdateConfig: managersOnly,
  ListConfigs: managersOnly,
  CreateConfig: managersOnly,
  RemoveConfig: managersOnly,
  GetExtension: managersOnly,
  CreateExtension: managersOnly,
  RemoveExtension: managersOnly,
  GetResource: managersOnly,
  UpdateResource: managersOnly,
  ListResources: managersOnly,
  CreateResource: managersOnly,
  RemoveResource: managersOnly,
  CreateVolume: managersOnly,
  GetVolume: managersOnly,
  UpdateVolume: managersOnly,
  ListVolumes: managersOnly,
  RemoveVolume: managersOnly,
};
