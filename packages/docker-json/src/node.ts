import type {
  EngineDescription,
  ManagerStatus,
  Node,
  NodeCSIInfo,
  NodeDescription,
  NodeRole,
  NodeSpec,
  NodeSpec_Availability,
  NodeStatus,
  NodeStatus_State,
  NodeTLSInfo,
  PluginDescription,
  RaftMemberStatus_Reachability,
  Topology,
} from "@mswarm/wire";
import { annotations, meta, platform } from "./basics.ts";
import { listOf, mapOf } from "./collections.ts";
import { byValue, fieldsOf } from "./message.ts";
import { resources } from "./resources.ts";
import { base64, flag, int64, text, textBytes, wordOf } from "./scalars.ts";
import type { MessageShape, Shape } from "./shape.ts";

/** Both words have to be said: an empty one is refused too. */
const role = wordOf<NodeRole>(
  { WORKER: "worker", MANAGER: "manager" },
  (word) => `invalid Role: ${JSON.stringify(word)}`,
  { ignoresCase: true, emptyMeans: "refused" },
);
const availability = wordOf<NodeSpec_Availability>(
  { ACTIVE: "active", PAUSE: "pause", DRAIN: "drain" },
  (word) => `invalid Availability: ${JSON.stringify(word)}`,
  { ignoresCase: true, emptyMeans: "refused" },
);

const specs = fieldsOf<NodeSpec>("NodeSpec");

/** What a client sends to update a node. */
export const nodeSpec: Shape<NodeSpec> = specs.message(
  [
    specs.inline("annotations", annotations),
    specs.field("Role", "desiredRole", role, { always: true, absentAs: "" }),
    specs.field("Availability", "availability", availability, { always: true, absentAs: "" }),
  ],
  { membership: "of SwarmKit itself: a manager accepts every node that has a certificate" },
);

const plugins = fieldsOf<PluginDescription>("PluginDescription");
const plugin = plugins.message([plugins.field("Type", "type", text), plugins.field("Name", "name", text)], {});

const engines = fieldsOf<EngineDescription>("EngineDescription");
const engine = engines.message(
  [
    engines.field("EngineVersion", "engineVersion", text),
    engines.field("Labels", "labels", mapOf(text)),
    engines.field("Plugins", "plugins", listOf(plugin, "[]swarm.PluginDescription")),
  ],
  {},
);

const certificates = fieldsOf<NodeTLSInfo>("TLSInfo");

/** Which authority certificates come from. */
export const tlsInfo: MessageShape<NodeTLSInfo> = certificates.message(
  [
    certificates.field("TrustRoot", "trustRoot", textBytes),
    certificates.field("CertIssuerSubject", "certIssuerSubject", base64),
    certificates.field("CertIssuerPublicKey", "certIssuerPublicKey", base64),
  ],
  {},
);

const topologies = fieldsOf<Topology>("Topology");
const topology = topologies.message([topologies.field("Segments", "segments", mapOf(text))], {});

const storages = fieldsOf<NodeCSIInfo>("NodeCSIInfo");
const storage = storages.message(
  [
    storages.field("PluginName", "pluginName", text),
    storages.field("NodeID", "nodeId", text),
    storages.field("MaxVolumesPerNode", "maxVolumesPerNode", int64),
    storages.field("AccessibleTopology", "accessibleTopology", topology),
  ],
  {},
);

const descriptions = fieldsOf<NodeDescription>("NodeDescription");
const description = descriptions.message(
  [
    descriptions.field("Hostname", "hostname", text),
    descriptions.field("Platform", "platform", platform, byValue),
    descriptions.field("Resources", "resources", resources, byValue),
    descriptions.field("Engine", "engine", engine, byValue),
    descriptions.field("TLSInfo", "tlsInfo", tlsInfo, byValue),
    descriptions.field("CSIInfo", "csiInfo", listOf(storage, "[]swarm.NodeCSIInfo")),
  ],
  { fips: "Docker does not show it" },
);

const statuses = fieldsOf<NodeStatus>("NodeStatus");
const nodeStatus = statuses.message(
  [
    statuses.field(
      "State",
      "state",
      wordOf<NodeStatus_State>(
        { UNKNOWN: "unknown", DOWN: "down", READY: "ready", DISCONNECTED: "disconnected" },
        (word) => `unknown node state ${JSON.stringify(word)}`,
      ),
      { always: true },
    ),
    statuses.field("Message", "message", text),
    statuses.field("Addr", "addr", text),
  ],
  {},
);

const managers = fieldsOf<ManagerStatus>("ManagerStatus");
const managerStatus = managers.message(
  [
    managers.field("Leader", "leader", flag),
    managers.field(
      "Reachability",
      "reachability",
      wordOf<RaftMemberStatus_Reachability>(
        { UNKNOWN: "unknown", UNREACHABLE: "unreachable", REACHABLE: "reachable" },
        (word) => `unknown reachability ${JSON.stringify(word)}`,
      ),
      { always: true },
    ),
    managers.field("Addr", "addr", text),
  ],
  { raftId: "Docker does not show it" },
);

const nodes = fieldsOf<Node>("Node");

/** A node as `GET /nodes` shows it. `Spec.Role` is the role that is wanted; `ManagerStatus` shows the one it has. */
export const node: MessageShape<Node> = nodes.message(
  [
    nodes.field("ID", "id", text, { always: true }),
    nodes.inline("meta", meta),
    nodes.field("Spec", "spec", nodeSpec, { always: true, absentAs: { Role: "worker", Availability: "active" } }),
    nodes.field("Description", "description", description, byValue),
    nodes.field("Status", "status", nodeStatus, byValue),
    nodes.field("ManagerStatus", "managerStatus", managerStatus),
  ],
  {
    role: "Docker shows the wanted one only",
    certificate: "Docker does not show it",
    attachment: "Docker does not show it",
    attachments: "Docker does not show it",
    VXLANUDPPort: "of the whole swarm: it is the swarm's DataPathPort",
  },
);
