// From what a user types to one object: full id, then full name, then a prefix of the id (engine-api reference, section 3).
import { invalidArgument, isSwarmError, notFound } from "@mswarm/runtime";
import type { Config, Network, Node, Secret, Service, Task } from "@mswarm/wire";
import type { Control, Daemon } from "../cli-context.ts";

interface Named {
  readonly id?: string;
}

interface Finders<T> {
  byId(id: string): Promise<T | undefined>;
  byFilter(filter: { names: string[] } | { idPrefixes: string[] }): Promise<readonly T[] | undefined>;
}

async function find<T extends Named>(kind: string, text: string, finders: Finders<T>): Promise<T> {
  try {
    const exact = await finders.byId(text);
    if (exact !== undefined) return exact;
  } catch (error) {
    if (!isSwarmError(error, "NOT_FOUND")) throw error;
  }
  for (const filter of [{ names: [text] }, { idPrefixes: [text] }]) {
    const [only, ...more] = (await finders.byFilter(filter)) ?? [];
    if (more.length > 0) throw invalidArgument(`${kind} ${text} is ambiguous (${more.length + 1} matches found)`);
    if (only !== undefined) return only;
  }
  throw notFound(`${kind} ${text} not found`);
}

/** A name here is a hostname. Errors: NOT_FOUND, INVALID_ARGUMENT when it is ambiguous; so for all below. */
export function findNode(control: Control, text: string): Promise<Node> {
  return find<Node>("node", text, {
    byId: async (nodeId) => (await control.GetNode({ nodeId })).node,
    byFilter: async (filters) => (await control.ListNodes({ filters })).nodes,
  });
}

/** As `findNode`; `self` is the node whose daemon answers. */
export async function findNodeOrSelf(control: Control, daemon: Daemon, text: string): Promise<Node> {
  if (text !== "self") return await findNode(control, text);
  const { nodeId = "" } = await daemon.Status({});
  return await findNode(control, nodeId);
}

/** @param options.insertDefaults  fills in the policies that the service does not name */
export function findService(
  control: Control,
  text: string,
  options: { readonly insertDefaults?: boolean } = {},
): Promise<Service> {
  const { insertDefaults = false } = options;
  const complete = async (serviceId: string): Promise<Service | undefined> =>
    (await control.GetService({ serviceId, insertDefaults })).service;
  return find<Service>("service", text, {
    byId: complete,
    byFilter: async (filters) => {
      const { services = [] } = await control.ListServices({ filters });
      const [only] = services;
      // A list never has the defaults, so the one that was meant is asked for again.
      return services.length === 1 && only?.id !== undefined ? [(await complete(only.id)) ?? only] : services;
    },
  });
}

/** A task's name is `service.slot.id`. */
export function findTask(control: Control, text: string): Promise<Task> {
  return find<Task>("task", text, {
    byId: async (taskId) => (await control.GetTask({ taskId })).task,
    byFilter: async (filters) => (await control.ListTasks({ filters })).tasks,
  });
}

export function findSecret(control: Control, text: string): Promise<Secret> {
  return find<Secret>("secret", text, {
    byId: async (secretId) => (await control.GetSecret({ secretId })).secret,
    byFilter: async (filters) => (await control.ListSecrets({ filters })).secrets,
  });
}

export function findConfig(control: Control, text: string): Promise<Config> {
  return find<Config>("config", text, {
    byId: async (configId) => (await control.GetConfig({ configId })).config,
    byFilter: async (filters) => (await control.ListConfigs({ filters })).configs,
  });
}

export function findNetwork(control: Control, text: string): Promise<Network> {
  return find<Network>("network", text, {
    byId: async (networkId) => (await control.GetNetwork({ networkId })).network,
    byFilter: async (filters) => (await control.ListNetworks({ filters })).networks,
  });
}
