// Networks of a service by name: the daemon puts their ids into the spec. Source: moby populateNetworkID.
import type { NetworkAttachmentConfig, ServiceSpec } from "@mswarm/wire";
import { HttpError, notFoundHere, serverError } from "../errors/http-error.ts";
import { findNetwork } from "./lookup.ts";
import type { ManagerCall } from "./manager-call.ts";

/** The spec with ids. Errors: HttpError 500 for unknown networks, 403 for local ones, as Docker has it. */
export async function withNetworkIds(call: ManagerCall, spec: ServiceSpec): Promise<ServiceSpec> {
  const ofTask = spec.task?.networks ?? [];
  if (ofTask.length > 0) return { ...spec, task: { ...spec.task, networks: await resolved(call, ofTask) } };
  const ofService = spec.networks ?? [];
  return ofService.length > 0 ? { ...spec, networks: await resolved(call, ofService) } : spec;
}

const resolved = (
  call: ManagerCall,
  networks: readonly NetworkAttachmentConfig[],
): Promise<NetworkAttachmentConfig[]> =>
  Promise.all(networks.map(async (network) => ({ ...network, target: await networkId(call, network.target ?? "") })));

async function networkId(call: ManagerCall, text: string): Promise<string> {
  try {
    return (await findNetwork(call, text)).id ?? "";
  } catch (error) {
    if (!(error instanceof HttpError) || error.status !== 404) throw error;
    throw await absenceOf(call, text);
  }
}

const predefined = ["bridge", "host", "none", "default"];

/** A network that the swarm does not have: the engine may have one of this name. */
async function absenceOf({ context, request }: ManagerCall, text: string): Promise<HttpError> {
  const path = `/networks/${encodeURIComponent(text)}`;
  const answer = await context.engine.request({ method: "GET", path }, request.signal);
  const local = answer.status === 200 ? ((await answer.json()) as { readonly Name?: string }) : undefined;
  const name = local?.Name;
  if (name === undefined) return serverError(`network ${text} not found`);
  return predefined.includes(name)
    ? notFoundHere(`could not find the corresponding predefined swarm network: network ${name} not found`)
    : new HttpError(
        403,
        `The network ${name} cannot be used with services. Only networks scoped to the swarm can be used, such as those created with the overlay driver.`,
      );
}
