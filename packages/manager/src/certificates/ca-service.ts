// The CA service as it is bound to the wire. Leader only: bind it with `forward`.
import { anyone, type PolicyTable, roles, type ServiceOf } from "@mswarm/rpc";
import type { Handlers } from "@mswarm/wire";
import type { CertificateServer } from "./certificate-server.ts";

type CaHandlers = Handlers["docker.swarmkit.v1.CA"];

export const caPolicy: PolicyTable<CaHandlers> = {
  GetRootCACertificate: anyone("a joining node checks the bundle against the digest in its token"),
  GetUnlockKey: roles("swarm-manager"),
};

export function caService(server: CertificateServer): ServiceOf<CaHandlers> {
  return {
    GetRootCACertificate: () => server.rootCertificate(),
    GetUnlockKey: (_request, call) => server.unlockKey(call),
  };
}
