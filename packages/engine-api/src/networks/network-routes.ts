// Networks as far as the swarm has any: the predefined ones, which services may use by the swarm's ids. Source: engine-api
// reference 10, moby api/server/router/network.
import { networkResource } from "@mswarm/docker-json";
import { isSwarmError } from "@mswarm/runtime";
import type { Network } from "@mswarm/wire";
import { badRequest, notImplemented } from "../errors/http-error.ts";
import type { ControlClient, FaceContext } from "../routing/face-context.ts";
import { answerJson, type FaceRequest, type Handler, passToEngine, type Route } from "../routing/route.ts";

/** The engine's network where it has one; otherwise, on a manager, the swarm's. */
const inspect: Handler = async (request, context) => {
  if (!context.nodeState().isManager) return passToEngine;
  const { target, signal } = request;
  const answer = await context.engine.request({ method: "GET", path: target }, signal);
  const body = await answer.bytes();
  if (answer.status === 404) {
    const found = await findInSwarm(request, await context.control());
    if (found !== undefined) return answerJson(networkResource(found));
  }
  const type = answer.headers["content-type"];
  return { kind: "bytes", status: answer.status, headers: type === undefined ? {} : { "Content-Type": type }, body };
};

async function findInSwarm(request: FaceRequest, control: ControlClient): Promise<Network | undefined> {
  const { parameters, query, signal } = request;
  const { id = "" } = parameters;
  const scope = query.get("scope") ?? "";
  if (scope !== "" && scope !== "swarm") return undefined;
  const exact = await byId(control, id, signal);
  if (exact !== undefined) return exact;
  const { networks: prefixed = [] } = await control.ListNetworks({ filters: { idPrefixes: [id] } }, { signal });
  // A name is only looked for in the swarm when that is what was asked for: `host` alone is the engine's.
  const { networks: named = [] } =
    scope === "swarm" ? await control.ListNetworks({ filters: { names: [id] } }, { signal }) : {};
  const [only, ...more] = named.length > 0 ? named : prefixed;
  if (more.length > 0)
    throw badRequest(`network ${id} is ambiguous (${more.length + 1} matches found based on ID prefix)`);
  return only;
}

async function byId(control: ControlClient, networkId: string, signal: AbortSignal): Promise<Network | undefined> {
  try {
    return (await control.GetNetwork({ networkId }, { signal })).network;
  } catch (error) {
    if (isSwarmError(error, "NOT_FOUND") || isSwarmError(error, "INVALID_ARGUMENT")) return undefined;
    throw error;
  }
}

const create: Handler = async (request, context) => {
  const asked = await request.json();
  if (isOfSwarm(asked) && belongsToSwarm(context)) {
    throw notImplemented(
      "networks of the swarm (overlay, ingress, attachable) are not available yet: services can use the networks host and bridge",
    );
  }
  // On other nodes the engine refuses in Docker's words.
  return passToEngine;
};

const belongsToSwarm = ({ nodeState }: FaceContext): boolean => nodeState().kind !== "inactive";

/** Keys in any case, as Go reads them; one that is there in two spellings could be read in two ways. */
function isOfSwarm(asked: unknown): boolean {
  if (typeof asked !== "object" || asked === null) return false;
  const members = new Map<string, unknown>();
  for (const [key, value] of Object.entries(asked)) {
    const name = key.toLowerCase();
    if (members.has(name)) throw badRequest(`the body names ${JSON.stringify(key)} twice`);
    members.set(name, value);
  }
  return members.get("driver") === "overlay" || members.get("scope") === "swarm" || members.get("ingress") === true;
}

export const networkRoutes: readonly Route[] = [
  { method: "GET", pattern: "/networks/{id}", handler: inspect },
  { method: "POST", pattern: "/networks/create", handler: create },
];
