// The NodeCA service as it is bound to the wire. Leader only: bind it with `forward`.
import { anyone, type PolicyTable, type ServiceOf } from "@mswarm/rpc";
import type { Handlers } from "@mswarm/wire";
import type { CertificateServer } from "./certificate-server.ts";

type NodeCaHandlers = Handlers["docker.swarmkit.v1.NodeCA"];

export const nodeCaPolicy: PolicyTable<NodeCaHandlers> = {
  IssueNodeCertificate: anyone("the caller's certificate or the join token in the request is the credential"),
  NodeCertificateStatus: anyone("a node without a certificate waits for its own; certificates are not secret"),
};

export function nodeCaService(server: CertificateServer): ServiceOf<NodeCaHandlers> {
  return {
    IssueNodeCertificate: (request, call) => server.issue(request, call),
    NodeCertificateStatus: (request, call) => server.certificateStatus(request, call),
  };
}
