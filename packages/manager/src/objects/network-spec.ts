// Source: swarmkit manager/controlapi/network.go.
import { BlockList, isIP } from "node:net";
import { invalidArgument, permissionDenied } from "@mswarm/runtime";
import type { IPAMConfig, Network, NetworkSpec, Service } from "@mswarm/wire";
import { validateDnsName } from "./annotations.ts";

/** Label of the networks `bridge` and `host` that a cluster is born with. */
export const predefinedLabel = "com.docker.swarm.predefined";

export const isPredefined = (network: Network): boolean =>
  network.spec?.annotations?.labels?.[predefinedLabel] === "true";

/** The routing mesh: marked as such, or by the label of older versions. Source: networkallocator.IsIngressNetwork. */
export const isIngress = ({ spec }: Network): boolean =>
  spec?.ingress === true ||
  (spec?.annotations?.name === "ingress" && spec.annotations.labels?.["com.docker.swarm.internal"] !== undefined);

/** The service publishes a port through the routing mesh. Source: allocator.IsIngressNetworkNeeded. */
export const needsIngress = (service: Service): boolean =>
  (service.spec?.endpoint?.ports ?? []).some((port) => (port.publishMode ?? "INGRESS") === "INGRESS");

/** Errors: INVALID_ARGUMENT, PERMISSION_DENIED. */
export function validateNetworkSpec(spec: NetworkSpec | undefined): asserts spec is NetworkSpec {
  if (spec === undefined) throw invalidArgument("invalid argument");
  if (spec.attachable && spec.ingress) throw invalidArgument("ingress network cannot be attachable");
  validateDnsName(spec.annotations);
  if (spec.annotations?.labels?.[predefinedLabel] !== undefined) {
    throw permissionDenied(
      `label ${predefinedLabel} is for internally created predefined networks and cannot be applied by users`,
    );
  }
  for (const config of spec.ipam?.configs ?? []) validateIpam(config);
}

function validateIpam({ subnet = "", range = "", gateway = "" }: IPAMConfig): void {
  const inside = subnetOf(subnet);
  if (inside === undefined) throw invalidArgument(`ipam configuration: invalid subnet ${subnet}`);
  if (range !== "") {
    if (subnetOf(range) === undefined) throw invalidArgument(`ipam configuration: invalid range ${range}`);
    if (!inside(range.split("/")[0] ?? "")) {
      throw invalidArgument(`ipam configuration: subnet ${subnet} does not contain range ${range}`);
    }
  }
  if (gateway !== "") {
    if (isIP(gateway) === 0) throw invalidArgument(`ipam configuration: invalid gateway ${gateway}`);
    if (!inside(gateway)) {
      throw invalidArgument(`ipam configuration: subnet ${subnet} does not contain gateway ${gateway}`);
    }
  }
}

/** Tells whether an address lies in a CIDR; undefined when that is none. */
function subnetOf(cidr: string): ((address: string) => boolean) | undefined {
  const [network = "", prefix = "", ...more] = cidr.split("/");
  const family = isIP(network);
  const bits = family === 6 ? 128 : 32;
  if (family === 0 || more.length > 0 || !/^\d{1,3}$/.test(prefix) || Number(prefix) > bits) return undefined;
  const list = new BlockList();
  list.addSubnet(network, Number(prefix), family === 6 ? "ipv6" : "ipv4");
  return (address) => list.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}
