// `/_ping`: the engine's answer with this node's part in a swarm. Clients negotiate by it.
import { HttpError } from "../errors/http-error.ts";
import { askInTime } from "../pass-through/engine-in-time.ts";
import { forwardedHeaders } from "../pass-through/forwarded-headers.ts";
import type { NodeState } from "../routing/face-context.ts";
import type { AnswerHeaders, Handler, Route } from "../routing/route.ts";

/** From this API version on Docker says it. Source: moby api/server/router/system/system_routes.go. */
const swarmHeaderSince = 42;

/** Value of the header `Swarm`. */
export function swarmStatus({ kind, isManager }: NodeState): string {
  if (kind !== "active") return kind;
  return isManager ? "active/manager" : "active/worker";
}

const ping: Handler = async (request, context) => {
  const answer = await askInTime(context, { method: request.method, path: request.target }, request.signal);
  const headers: Record<string, string> = {};
  const raw = forwardedHeaders(answer.rawHeaders);
  for (let index = 0; index < raw.length; index += 2) headers[raw[index] ?? ""] = raw[index + 1] ?? "";
  const body = await answer.bytes();
  if (answer.status !== 200) throw new HttpError(answer.status, body.toString("utf8"));
  return { kind: "bytes", status: 200, headers: { ...headers, ...swarmHeader(headers, context.nodeState()) }, body };
};

function swarmHeader(headers: AnswerHeaders, state: NodeState): AnswerHeaders {
  const minor = Number(/^1\.(?<minor>[0-9]+)$/.exec(String(headers["Api-Version"]))?.groups?.["minor"]);
  return minor >= swarmHeaderSince ? { Swarm: swarmStatus(state) } : {};
}

export const pingRoutes: readonly Route[] = [
  { method: "GET", pattern: "/_ping", handler: ping },
  { method: "HEAD", pattern: "/_ping", handler: ping },
];
