// From what stands in a path to one object: full id, then full name, then a prefix of the id. Source: engine-api reference 3.
import { isId, isSwarmError } from "@mswarm/runtime";
import type { Cluster, Config, Network, Node, Secret, Service, Task } from "@mswarm/wire";
import { badRequest, notFoundHere, serverError } from "../errors/http-error.ts";
import type { ManagerCall } from "./manager-call.ts";

interface Finders<T> {
  readonly byId: (id: string) => Promise<T | undefined>;
  readonly byFilter: (filters: { names: string[] } | { idPrefixes: string[] }) => Promise<readonly T[] | undefined>;
}

/** Errors: HttpError 404, 400 when several are meant. */
async function find<T>(kind: string, text: string, { byId, byFilter }: Finders<T>): Promise<T> {
  const exact = isId(text) ? await byId(text).catch(orUndefined) : undefined;
  if (exact !== undefined) return exact;
  for (const filters of [{ names: [text] }, { idPrefixes: [text] }]) {
    const [only, ...more] = (await byFilter(filters)) ?? [];
    if (more.length > 0) throw badRequest(`${kind} ${text} is ambiguous (${more.length + 1} matches found)`);
    if (only !== undefined) return only;
  }
  throw notFoundHere(`${kind} ${text} not found`);
}

function orUndefined(error: unknown): undefined {
  if (!isSwarmError(error, "NOT_FOUND")) throw error;
}

/** A node's name is its hostname. */
export const findNode = ({ control, options }: ManagerCall, text: string): Promise<Node> =>
  find<Node>("node", text, {
    byId: async (nodeId) => (await control.GetNode({ nodeId }, options)).node,
    byFilter: async (filters) => (await control.ListNodes({ filters }, options)).nodes,
  });

/** @param insertDefaults  fills in the policies that the service does not name */
export async function findService(
  { control, options }: ManagerCall,
  text: string,
  insertDefaults = false,
): Promise<Service> {
  const byId = async (serviceId: string): Promise<Service | undefined> =>
    (await control.GetService({ serviceId, insertDefaults }, options)).service;
  const found = await find<Service>("service", text, {
    byId,
    byFilter: async (filters) => (await control.ListServices({ filters }, options)).services,
  });
  // Lists have neither the defaults nor the credentials that an update keeps.
  return found.id === text ? found : ((await byId(found.id ?? "")) ?? found);
}

export const findTask = ({ control, options }: ManagerCall, text: string): Promise<Task> =>
  find<Task>("task", text, {
    byId: async (taskId) => (await control.GetTask({ taskId }, options)).task,
    byFilter: async (filters) => (await control.ListTasks({ filters }, options)).tasks,
  });

export const findSecret = ({ control, options }: ManagerCall, text: string): Promise<Secret> =>
  find<Secret>("secret", text, {
    byId: async (secretId) => (await control.GetSecret({ secretId }, options)).secret,
    byFilter: async (filters) => (await control.ListSecrets({ filters }, options)).secrets,
  });

export const findConfig = ({ control, options }: ManagerCall, text: string): Promise<Config> =>
  find<Config>("config", text, {
    byId: async (configId) => (await control.GetConfig({ configId }, options)).config,
    byFilter: async (filters) => (await control.ListConfigs({ filters }, options)).configs,
  });

export const findNetwork = ({ control, options }: ManagerCall, text: string): Promise<Network> =>
  find<Network>("network", text, {
    byId: async (networkId) => (await control.GetNetwork({ networkId }, options)).network,
    byFilter: async (filters) => (await control.ListNetworks({ filters }, options)).networks,
  });

/** The one cluster object. Errors: HttpError 500 while there is none. */
export async function findCluster({ control, options }: ManagerCall): Promise<Cluster> {
  const { clusters = [] } = await control.ListClusters({}, options);
  const [cluster] = clusters;
  if (cluster === undefined) throw serverError("swarm not found");
  return cluster;
}
