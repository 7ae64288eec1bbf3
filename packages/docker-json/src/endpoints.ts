import type {
  Endpoint,
  Endpoint_VirtualIP,
  EndpointSpec,
  EndpointSpec_ResolutionMode,
  PortConfig,
  PortConfig_Protocol,
  PortConfig_PublishMode,
} from "@mswarm/wire";
import { adjusted, listOf } from "./collections.ts";
import { fieldsOf, jsonFields } from "./message.ts";
import { text, uint32, wordOf } from "./scalars.ts";
import type { Shape } from "./shape.ts";

const ports = fieldsOf<PortConfig>("PortConfig");
const port = ports.message(
  [
    ports.field("Name", "name", text),
    ports.field(
      "Protocol",
      "protocol",
      wordOf<PortConfig_Protocol>(
        { TCP: "tcp", UDP: "udp", SCTP: "sctp" },
        (word) => `invalid port protocol: ${JSON.stringify(word)}`,
        { ignoresCase: true },
      ),
      { always: true },
    ),
    ports.field("TargetPort", "targetPort", uint32),
    ports.field("PublishedPort", "publishedPort", uint32),
    ports.field(
      "PublishMode",
      "publishMode",
      wordOf<PortConfig_PublishMode>(
        { INGRESS: "ingress", HOST: "host" },
        (word) => `invalid port publish mode: ${JSON.stringify(word)}`,
        { ignoresCase: true },
      ),
      { always: true },
    ),
  ],
  {},
);

export const portConfigs: Shape<PortConfig[]> = listOf(port, "[]swarm.PortConfig");

const specs = fieldsOf<EndpointSpec>("EndpointSpec");

export const endpointSpec: Shape<EndpointSpec> = specs.message(
  [
    specs.field(
      "Mode",
      "mode",
      wordOf<EndpointSpec_ResolutionMode>(
        { VIP: "vip", DNSRR: "dnsrr" },
        (word) => `invalid resolution mode: ${JSON.stringify(word)}`,
      ),
      { always: true },
    ),
    specs.field("Ports", "ports", portConfigs),
  ],
  {},
);

const addresses = fieldsOf<Endpoint_VirtualIP>("EndpointVirtualIP");
const virtualIp = addresses.message(
  [addresses.field("NetworkID", "networkId", text), addresses.field("Addr", "addr", text)],
  {},
);

const endpoints = fieldsOf<Endpoint>("Endpoint");
const table = endpoints.message(
  [
    endpoints.field("Spec", "spec", endpointSpec),
    endpoints.field("Ports", "ports", portConfigs),
    endpoints.field("VirtualIPs", "virtualIps", listOf(virtualIp, "[]swarm.EndpointVirtualIP")),
  ],
  {},
);

/** `Endpoint` of a service. Its `Spec` is `{}` before it was allocated. */
export const endpoint: Shape<Endpoint> = adjusted(table, {
  write: (value) => ({ Spec: {}, ...(table.write(value) as object) }),
  read: (json, place) => {
    const given = jsonFields(json, place).get("Spec") ?? {};
    const { spec, ...rest } = table.read(json, place);
    return spec === undefined || Object.keys(given).length === 0 ? rest : { ...rest, spec };
  },
});
