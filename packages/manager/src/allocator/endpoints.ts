import type { Endpoint, EndpointSpec } from "@mswarm/wire";

export type EndpointAllocation =
  | { readonly endpoint: Endpoint; readonly refusal?: undefined }
  | { readonly endpoint?: undefined; readonly refusal: string };

/**
 * What becomes of an endpoint spec: host-mode ports are taken over as they are. Virtual addresses and ingress ports
 * need the routing mesh.
 */
export function allocatedEndpoint(spec: EndpointSpec | undefined): EndpointAllocation {
  if (spec === undefined) return { endpoint: {} };
  const ports = spec.ports ?? [];
  if (ports.some((port) => (port.publishMode ?? "INGRESS") === "INGRESS")) {
    return { refusal: "ports published in ingress mode are not supported yet: publish them with mode=host" };
  }
  return { endpoint: ports.length === 0 ? { spec } : { spec, ports } };
}
