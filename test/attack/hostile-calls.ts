// Every method of the wire, called by somebody who has no business to.
import type { MethodDefinition } from "@grpc/proto-loader";
import type { CallMetadata, Channel } from "@mswarm/rpc";
import { isSwarmError, seconds } from "@mswarm/runtime";
import { type ServiceName, serviceNames, serviceOf } from "@mswarm/wire";

export interface WireMethod {
  readonly service: ServiceName;
  readonly path: string;
  readonly isRequestStream: boolean;
  readonly isResponseStream: boolean;
}

/** All methods of all services of the schema, from its definitions. */
export const wireMethods: readonly WireMethod[] = serviceNames.flatMap((service) =>
  Object.values(serviceOf(service)).map((definition): WireMethod => {
    const { path, requestStream, responseStream } = definition as MethodDefinition<object, object>;
    return { service, path, isRequestStream: requestStream, isResponseStream: responseStream };
  }),
);

/** What a worker may call; everything else of the schema it must not, whatever is added to it. */
const workersMethods: ReadonlySet<string> = new Set([
  "/docker.swarmkit.v1.CA/GetRootCACertificate",
  "/docker.swarmkit.v1.NodeCA/IssueNodeCertificate",
  "/docker.swarmkit.v1.NodeCA/NodeCertificateStatus",
  "/docker.swarmkit.v1.Dispatcher/Session",
  "/docker.swarmkit.v1.Dispatcher/Heartbeat",
  "/docker.swarmkit.v1.Dispatcher/UpdateTaskStatus",
  "/docker.swarmkit.v1.Dispatcher/UpdateVolumeStatus",
  "/docker.swarmkit.v1.Dispatcher/Tasks",
  "/docker.swarmkit.v1.Dispatcher/Assignments",
  "/docker.swarmkit.v1.LogBroker/ListenSubscriptions",
  "/docker.swarmkit.v1.LogBroker/PublishLogs",
  "/docker.swarmkit.v1.ResourceAllocator/AttachNetwork",
  "/docker.swarmkit.v1.ResourceAllocator/DetachNetwork",
  "/mswarm.v1.Peer/Hello",
  "/mswarm.v1.Peer/AnnounceLeave",
  "/mswarm.v1.Peer/RetractJoin",
]);
/** And of these, what somebody without a certificate may. */
const strangersMethods: ReadonlySet<string> = new Set([...workersMethods].slice(0, 3));

export const forbiddenTo: Readonly<Record<"workers" | "strangers", readonly WireMethod[]>> = {
  workers: wireMethods.filter(({ path }) => !workersMethods.has(path)),
  strangers: wireMethods.filter(({ path }) => !strangersMethods.has(path)),
};

/** `CODE: text` of the failure of a call with one request of `body`, or "answered". */
export async function outcomeOf(
  channel: Channel,
  { path, isRequestStream, isResponseStream }: WireMethod,
  options: { readonly metadata?: CallMetadata; readonly body?: Buffer } = {},
): Promise<string> {
  const { metadata, body = Buffer.alloc(0) } = options;
  const callOptions = { metadata, deadline: undefined, signal: AbortSignal.timeout(seconds(10)) };
  async function* requests(): AsyncGenerator<Buffer> {
    yield body;
  }
  try {
    if (isResponseStream) {
      const answers = isRequestStream
        ? channel.bytes.bidiStream(path, requests(), callOptions)
        : channel.bytes.serverStream(path, body, callOptions);
      for await (const _answer of answers) break;
    } else if (isRequestStream) {
      await channel.bytes.clientStream(path, requests(), callOptions);
    } else {
      await channel.bytes.unary(path, body, callOptions);
    }
    return "answered";
  } catch (error) {
    return isSwarmError(error) ? `${error.code}: ${error.message}` : String(error);
  }
}

/** Refused for who calls, or not there at all. */
export const refusals: RegExp = /^(PERMISSION_DENIED|UNIMPLEMENTED): /;

/** Metadata by which an attacker wants to be `victim`, a manager: alone and in all the combinations that once worked. */
export function forgeries(victim: string, clusterId: string): readonly CallMetadata[] {
  const identity = { forwarded_cert_cn: victim, forwarded_cert_org: clusterId, forwarded_cert_ou: "swarm-manager" };
  const redirect = { redirect: "10.9.8.7:2377" };
  return [
    {},
    identity,
    redirect,
    { redirect: "@" },
    { ...identity, ...redirect },
    { forwarded_cert: "true", ...identity },
    { forwarded_cert: "true", ...identity, ...redirect, remote_addr: "10.9.8.7:2377" },
    { forwarded_cert: ["true", "true"], ...identity },
    { forwarded_cert: "true", ...identity, forwarded_cert_ou: ["swarm-worker", "swarm-manager"] },
    { forwarded_cert: "true" },
    { "mswarm-user": "admin" },
  ];
}
