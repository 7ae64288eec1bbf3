import type { IPAMConfig, IPAMOptions, Network, NetworkAttachment, NetworkSpec } from "@mswarm/wire";
import { annotations, driver, meta, saidByMember } from "./basics.ts";
import { adjusted, listOf } from "./collections.ts";
import type { JsonObject } from "./json.ts";
import { byValue, fieldsOf, jsonFields } from "./message.ts";
import { flag, text } from "./scalars.ts";
import { type Shape, wrongKind } from "./shape.ts";
import { jsonTime } from "./times.ts";

const ranges = fieldsOf<IPAMConfig>("IPAMConfig");
const ipamConfig = ranges.message(
  [
    ranges.field("Subnet", "subnet", text),
    ranges.field("Range", "range", text),
    ranges.field("Gateway", "gateway", text),
  ],
  { family: "the addresses say it", reserved: "shown with networks themselves only" },
);

const ipams = fieldsOf<IPAMOptions>("IPAMOptions");
const ipamOptions = ipams.message(
  [
    ipams.field("Driver", "driver", driver, byValue),
    ipams.field("Configs", "configs", listOf(ipamConfig, "[]swarm.IPAMConfig")),
  ],
  {},
);

/** `{"Network": name}` on one side, the name on the other. */
const configFrom: Shape<string> = {
  zero: "",
  isZero: (value) => value === "",
  write: (value) => ({ Network: value }),
  read: (json, place) => {
    const name = jsonFields(json, { ...place, struct: "ConfigReference" }).get("Network") ?? "";
    if (typeof name !== "string") throw wrongKind(name, place, "string");
    return name;
  },
};

const specs = fieldsOf<NetworkSpec>("NetworkSpec");
const table = specs.message(
  [
    specs.inline("annotations", annotations),
    specs.field("DriverConfiguration", "driverConfig", driver),
    specs.field("IPv6Enabled", "ipv6Enabled", flag),
    specs.field("Internal", "internal", flag),
    specs.field("Attachable", "attachable", flag),
    specs.field("Ingress", "ingress", flag),
    specs.field("IPAMOptions", "ipam", ipamOptions),
    specs.field("ConfigFrom", "network", configFrom),
  ],
  { configFrom: saidByMember },
);
const networkSpec = adjusted(table, { write: (spec) => ({ ...(table.write(spec) as JsonObject), Scope: "swarm" }) });

const networks = fieldsOf<Network>("Network");

/** A network inside a task. `/networks` has another form: `networkResource`. */
const network = networks.message(
  [
    networks.field("ID", "id", text, { always: true }),
    networks.inline("meta", meta),
    networks.field("Spec", "spec", networkSpec, byValue),
    networks.field("DriverState", "driverState", driver, byValue),
    networks.field("IPAMOptions", "ipam", ipamOptions),
  ],
  { pendingDelete: "of SwarmKit itself", extra: "of newer Engines, for their statistics" },
);

const attachments = fieldsOf<NetworkAttachment>("NetworkAttachment");
const attachment = attachments.message(
  [
    attachments.field("Network", "network", network, byValue),
    attachments.field("Addresses", "addresses", listOf(text)),
  ],
  { aliases: "Docker does not show them here", driverAttachmentOpts: "Docker does not show them here" },
);

/** The networks a task is attached to, with its addresses there. */
export const attachedNetworks: Shape<NetworkAttachment[]> = listOf(attachment, "[]swarm.NetworkAttachment");

/** A network of the swarm as `GET /networks` shows it. Source: engine-api reference 10. */
export function networkResource({ id = "", meta: stamps, spec = {}, driverState, ipam }: Network): JsonObject {
  return {
    Name: spec.annotations?.name ?? "",
    Id: id,
    Created: jsonTime(stamps?.createdAt ?? {}),
    Scope: "swarm",
    Driver: driverState?.name ?? "",
    EnableIPv6: spec.ipv6Enabled ?? false,
    IPAM: {
      Driver: ipam?.driver?.name ?? "",
      Options: ipam?.driver?.options ?? null,
      Config: ipam?.configs?.map(resourceRange) ?? (ipam === undefined ? null : []),
    },
    Internal: spec.internal ?? false,
    Attachable: spec.attachable ?? false,
    Ingress: spec.ingress ?? false,
    ConfigFrom: { Network: spec.network ?? "" },
    ConfigOnly: false,
    Containers: null,
    Options: driverState?.options ?? null,
    Labels: spec.annotations?.labels ?? null,
  };
}

const resourceRange = ({ subnet = "", range = "", gateway = "", reserved = {} }: IPAMConfig): JsonObject => ({
  ...(subnet === "" ? {} : { Subnet: subnet }),
  ...(range === "" ? {} : { IPRange: range }),
  ...(gateway === "" ? {} : { Gateway: gateway }),
  ...(Object.keys(reserved).length === 0 ? {} : { AuxiliaryAddresses: reserved }),
});
