// The swarm itself: its settings, its join tokens, and the requests that make a node part of one.
import { invalidArgument } from "@mswarm/runtime";
import type {
  CAConfig,
  Cluster,
  ClusterSpec,
  DispatcherConfig,
  EncryptionConfig,
  ExternalCA,
  ExternalCA_CAProtocol,
  mswarm,
  NodeTLSInfo,
  OrchestrationConfig,
  RaftConfig,
  TaskDefaults,
} from "@mswarm/wire";
import { annotations, driver, meta } from "./basics.ts";
import { adjusted, listOf, mapOf } from "./collections.ts";
import type { JsonObject } from "./json.ts";
import { byValue, fieldsOf, jsonFields } from "./message.ts";
import { tlsInfo } from "./node.ts";
import { flag, int64, text, textBytes, uint32, uint64, wordOf } from "./scalars.ts";
import type { Place, Shape } from "./shape.ts";
import { spanByValue } from "./times.ts";

const orchestrations = fieldsOf<OrchestrationConfig>("OrchestrationConfig");
const orchestration = orchestrations.message(
  [orchestrations.field("TaskHistoryRetentionLimit", "taskHistoryRetentionLimit", int64, { always: true })],
  {},
);

const rafts = fieldsOf<RaftConfig>("RaftConfig");
const raft = rafts.message(
  [
    rafts.field("SnapshotInterval", "snapshotInterval", uint64),
    rafts.field("KeepOldSnapshots", "keepOldSnapshots", uint64, { always: true }),
    rafts.field("LogEntriesForSlowFollowers", "logEntriesForSlowFollowers", uint64),
    rafts.field("ElectionTick", "electionTick", uint32, { always: true }),
    rafts.field("HeartbeatTick", "heartbeatTick", uint32, { always: true }),
  ],
  {},
);

const dispatchers = fieldsOf<DispatcherConfig>("DispatcherConfig");
const dispatcher = dispatchers.message([dispatchers.field("HeartbeatPeriod", "heartbeatPeriod", spanByValue)], {});

const authorities = fieldsOf<ExternalCA>("ExternalCA");
const externalCa = authorities.message(
  [
    authorities.field(
      "Protocol",
      "protocol",
      wordOf<ExternalCA_CAProtocol>({ CFSSL: "cfssl" }, (word) => `invalid protocol: ${JSON.stringify(word)}`, {
        ignoresCase: true,
        emptyMeans: "refused",
      }),
      { always: true, absentAs: "" },
    ),
    authorities.field("URL", "url", text, { always: true }),
    authorities.field("Options", "options", mapOf(text)),
    authorities.field("CACert", "caCert", textBytes, { always: true }),
  ],
  {},
);

const caConfigs = fieldsOf<CAConfig>("CAConfig");
const caTable = caConfigs.message(
  [
    caConfigs.field("NodeCertExpiry", "nodeCertExpiry", spanByValue),
    caConfigs.field("ExternalCAs", "externalCas", listOf(externalCa, "[]*swarm.ExternalCA")),
    caConfigs.field("SigningCACert", "signingCaCert", textBytes),
    caConfigs.field("SigningCAKey", "signingCaKey", textBytes),
    caConfigs.field("ForceRotate", "forceRotate", uint64),
  ],
  {},
);

/** A root to rotate to is taken, and never shown. */
const caConfig = adjusted(caTable, {
  write: ({ signingCaCert: _cert, signingCaKey: _key, ...shown }) => caTable.write(shown),
});

const defaults = fieldsOf<TaskDefaults>("TaskDefaults");
const taskDefaults = defaults.message([defaults.field("LogDriver", "logDriver", driver)], {});

const encryptions = fieldsOf<EncryptionConfig>("EncryptionConfig");
const encryption = encryptions.message(
  [encryptions.field("AutoLockManagers", "autoLockManagers", flag, { always: true })],
  {},
);

const specs = fieldsOf<ClusterSpec>("Spec");

/** `Spec` of a swarm: what a client sends to change it. Zero means "default", not "keep". */
export const clusterSpec: Shape<ClusterSpec> = specs.message(
  [
    specs.inline("annotations", annotations),
    specs.field("Orchestration", "orchestration", orchestration, byValue),
    specs.field("Raft", "raft", raft, byValue),
    specs.field("Dispatcher", "dispatcher", dispatcher, byValue),
    specs.field("CAConfig", "caConfig", caConfig, byValue),
    specs.field("TaskDefaults", "taskDefaults", taskDefaults, byValue),
    specs.field("EncryptionConfig", "encryptionConfig", encryption, byValue),
  ],
  { acceptancePolicy: "nobody reads it any more" },
);

/**
 * A swarm as `Cluster` in `GET /info`; `GET /swarm` adds the tokens.
 *
 * @param issuer  subject and key of the authority that issues certificates now
 */
export function clusterJson(cluster: Cluster, issuer: Omit<NodeTLSInfo, "trustRoot">): JsonObject {
  const { rootCa, defaultAddressPool = [], subnetSize = 0, VXLANUDPPort: dataPathPort = 0 } = cluster;
  const trustRoot = rootCa?.caCert;
  return {
    ID: cluster.id ?? "",
    ...meta.write(cluster.meta ?? {}),
    Spec: clusterSpec.write(cluster.spec ?? {}),
    TLSInfo: tlsInfo.write({ ...issuer, ...(trustRoot === undefined ? {} : { trustRoot }) }),
    RootRotationInProgress: rootCa?.rootRotation !== undefined,
    DefaultAddrPool: defaultAddressPool.length === 0 ? null : defaultAddressPool,
    SubnetSize: subnetSize,
    DataPathPort: dataPathPort,
  };
}

/** `GET /swarm`: with the tokens that let nodes join. */
export const swarmJson = (cluster: Cluster, issuer: Omit<NodeTLSInfo, "trustRoot">): JsonObject => ({
  ...clusterJson(cluster, issuer),
  JoinTokens: {
    Worker: cluster.rootCa?.joinTokens?.worker ?? "",
    Manager: cluster.rootCa?.joinTokens?.manager ?? "",
  },
});

const availability = wordOf(
  { "": "", active: "active", pause: "pause", drain: "drain" },
  (word) => `invalid Availability: ${JSON.stringify(word)}`,
);

const inits = fieldsOf<mswarm.InitRequest>("InitRequest");

/** `POST /swarm/init` without its `Spec`. */
export const initRequest: Shape<mswarm.InitRequest> = inits.message(
  [
    inits.field("ListenAddr", "listenAddr", text),
    inits.field("AdvertiseAddr", "advertiseAddr", text),
    inits.field("DataPathAddr", "dataPathAddr", text),
    inits.field("DataPathPort", "dataPathPort", uint32, { since: 40 }),
    inits.field("DefaultAddrPool", "defaultAddrPool", listOf(text), { since: 39 }),
    inits.field("SubnetSize", "subnetSize", uint32, { since: 39 }),
    inits.field("ForceNewCluster", "forceNewCluster", flag),
    inits.field("Availability", "availability", availability),
  ],
  { autolock: "it is Spec.EncryptionConfig.AutoLockManagers: Docker's field of its own changes nothing" },
);

const joins = fieldsOf<mswarm.JoinRequest>("JoinRequest");
export const joinRequest: Shape<mswarm.JoinRequest> = joins.message(
  [
    joins.field("ListenAddr", "listenAddr", text),
    joins.field("AdvertiseAddr", "advertiseAddr", text),
    joins.field("DataPathAddr", "dataPathAddr", text),
    joins.field("RemoteAddrs", "remoteAddrs", listOf(text)),
    joins.field("JoinToken", "joinToken", text),
    joins.field("Availability", "availability", availability),
  ],
  {},
);

const unlocks = fieldsOf<mswarm.UnlockRequest>("UnlockRequest");
export const unlockRequest: Shape<mswarm.UnlockRequest> = unlocks.message(
  [unlocks.field("UnlockKey", "unlockKey", text)],
  {},
);

/** A structure's field that the tables do not have, such as `Spec` of `POST /swarm/init`. */
export function specOfInit(json: Parameters<typeof jsonFields>[0], place: Place): ClusterSpec {
  const given = jsonFields(json, place).get("Spec") ?? {};
  const spec = clusterSpec.read(given, { ...place, struct: "Spec", path: "Spec" });
  if ((spec.annotations?.name ?? "default") !== "default") throw invalidArgument('swarm spec must be named "default"');
  return spec;
}
