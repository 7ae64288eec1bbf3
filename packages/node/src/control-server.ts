// The control socket: mswarm.v1.Daemon always, SwarmKit's services while this node is a manager.

import { createEphemeralCertificate } from "@mswarm/pki";
import { createRpcServer, type RpcServer, TlsMaterial } from "@mswarm/rpc";
import { type Clock, hours, type Logger, type Random, unavailable } from "@mswarm/runtime";
import { daemonService } from "./daemon-service.ts";
import { proxyServices } from "./manager-proxy.ts";
import type { Membership } from "./membership.ts";

export interface ControlServerParts {
  readonly membership: Membership;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly path: string;
}

const managerServices = [
  "docker.swarmkit.v1.CA",
  "docker.swarmkit.v1.NodeCA",
  "docker.swarmkit.v1.Control",
  "docker.swarmkit.v1.Dispatcher",
  "docker.swarmkit.v1.Health",
  "docker.swarmkit.v1.Logs",
  "docker.swarmkit.v1.LogBroker",
  "docker.swarmkit.v1.Watch",
  "mswarm.v1.Operations",
  "mswarm.v1.Peer",
] as const;

/**
 * Serves the control socket. It speaks TLS because Docker's does, so that the same clients can use it; whoever can open
 * the socket is authorised, and nobody verifies the certificate, which is therefore made anew at each start.
 */
export async function createControlServer(parts: ControlServerParts): Promise<RpcServer> {
  const { membership, clock, random, log, path } = parts;
  const tls = new TlsMaterial(
    await createEphemeralCertificate(hours(2_160), { crypto: globalThis.crypto, clock, random }),
  );
  const server = createRpcServer({
    tls,
    verifier: {
      verifyClient: () => Promise.reject(unavailable("the control socket takes no client certificates")),
      verifyServer: () => Promise.reject(unavailable("the control socket is a server only")),
    },
    services: [daemonService(membership), ...proxyServices(managerServices, () => membership.manager())],
    clusterId: () => membership.credentials?.certificate.clusterId ?? "",
    isRemoved: () => false,
    clock,
    log,
  });
  await server.listenUnix(path);
  return server;
}
