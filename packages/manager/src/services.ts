// All services of a manager, bound twice: for other nodes (TCP) and for this machine (control socket). Which calls are
// forwarded to the leader is the wire's choice (1.2): TCP Control is not, on the control socket it is.

import type { CryptoProvider } from "@mswarm/pki";
import {
  type BoundService,
  bindService,
  certified,
  type LeaderForwarder,
  type NodeIdentity,
  type PolicyTable,
  roles,
} from "@mswarm/rpc";
import type { Clock, Logger, Random } from "@mswarm/runtime";
import type { Store } from "@mswarm/store";
import type { Handlers, mswarm } from "@mswarm/wire";
import { controlPolicy, createControl } from "./api/control.ts";
import { operationsPolicy, operationsService } from "./api/operations.ts";
import { createWatch, watchPolicy } from "./api/watch.ts";
import { caPolicy, caService } from "./certificates/ca-service.ts";
import { CertificateServer } from "./certificates/certificate-server.ts";
import { nodeCaPolicy, nodeCaService } from "./certificates/node-ca-service.ts";
import { authorityLoader } from "./certificates/signer.ts";
import { Dispatcher } from "./dispatcher/dispatcher.ts";
import { dispatcherPolicy, dispatcherService } from "./dispatcher/dispatcher-service.ts";
import type { ManagerList } from "./dispatcher/session-message.ts";
import { lastingLogs } from "./logs/lasting-logs.ts";
import { LogBroker } from "./logs/log-broker.ts";
import { logBrokerPolicy, logBrokerService } from "./logs/log-broker-service.ts";
import { logsPolicy, logsService } from "./logs/logs-service.ts";
import { Membership, type PeerProbe } from "./membership/join.ts";
import { isMswarmNode } from "./membership/mswarm-node.ts";
import { peerPolicy, peerService } from "./membership/peer-service.ts";
import { raftMembershipPolicy, raftMembershipService } from "./membership/raft-membership-service.ts";
import { demotedNodes } from "./membership/recorded-role.ts";
import { RefusedManagers } from "./membership/refused-managers.ts";
import { retractJoin } from "./membership/unfinished-joins.ts";
import { isDirty, specDifference } from "./orchestrator/task-dirtiness.ts";
import { membershipView, type RaftHolder, raftGroup } from "./raft-views.ts";
import { explainPlacement } from "./scheduler/explanation.ts";
import { healthService } from "./state/health-service.ts";
import type { LiveManagers } from "./state/live-managers.ts";
import { checkPayloads } from "./state/raft-payloads.ts";
import { raftService, raftTransportService } from "./state/raft-service.ts";

export interface ServiceParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly crypto: CryptoProvider;
  readonly identity: NodeIdentity;
  readonly version: string;
  /** Random, of this manager since its start. */
  readonly instance: string;
  readonly live: LiveManagers;
  /** Another manager has greeted, and is the only one of its kind. */
  readonly greeted: (greeting: mswarm.HelloRequest, nodeId: string) => void;
  readonly store: Store;
  readonly raft: RaftHolder;
  readonly managers: ManagerList;
  readonly probe: PeerProbe;
  readonly forward: LeaderForwarder;
  /** As `forward`, but a call is handled here when there is no leader. */
  readonly forwardOrHere: LeaderForwarder;
}

export interface ManagerServices {
  readonly remote: readonly BoundService[];
  readonly local: readonly BoundService[];
  /** These four also have work of their own while this manager leads. */
  readonly dispatcher: Dispatcher;
  readonly certificateServer: CertificateServer;
  readonly logBroker: LogBroker;
  readonly refusedManagers: RefusedManagers;
}

const managers = roles("swarm-manager");
// A demoted manager has to hear that it was removed from Raft: that is how it learns of it (wire 5.4).
const raftPeers = certified("swarm-manager");
const raftPolicy: PolicyTable<Handlers["docker.swarmkit.v1.Raft"]> = {
  ProcessRaftMessage: raftPeers,
  StreamRaftMessage: raftPeers,
  ResolveAddress: managers,
};
const raftTransportPolicy: PolicyTable<Handlers["mswarm.v1.RaftTransport"]> = { Stream: raftPeers };
const healthPolicy: PolicyTable<Handlers["docker.swarmkit.v1.Health"]> = { Check: managers };

export function managerServices(parts: ServiceParts): ManagerServices {
  const { clock, random, log, crypto, store, raft, forward, version, live } = parts;
  const { nodeId, clusterId } = parts.identity;
  const group = raftGroup(raft);
  const dispatcher = new Dispatcher({
    store,
    clock,
    random,
    log,
    nodeId,
    clusterId,
    managers: parts.managers,
    isMswarmNode,
  });
  const loadSigner = authorityLoader({ crypto, clock, random });
  const certificateServer = new CertificateServer({ store, clock, random, log, nodeId, clusterId, loadSigner });
  const logBroker = new LogBroker({ store, random, nodeId });
  const refusedManagers = new RefusedManagers(clock);
  const membership = new Membership({
    raft: group,
    live,
    refused: refusedManagers,
    probe: parts.probe,
    store,
    clock,
    random,
    log,
  });
  const control = createControl({
    store,
    clock,
    random,
    membership: membershipView(raft),
    isTaskDirty: (service, task, node) => isDirty(specDifference(service, task), service, task, node),
    isMswarmNode,
  });
  const operations = operationsService({ store, clock, random, explainPlacement });
  const peer = peerService({
    version,
    nodeId,
    instance: parts.instance,
    raftId: () => raft.intactId,
    greeted: (peerId, greeting) => {
      live.greet(peerId, greeting.instance ?? "");
      parts.greeted(greeting, peerId);
    },
    retractJoin: (joinerId) => retractJoin(joinerId, { store, raft: group, clock, log }),
    announceLeave: (leavingId, sessionId) => dispatcher.announceLeave(leavingId, sessionId),
  });

  const reception = { node: () => raft.current, isDemoted: demotedNodes(store), checkPayloads };

  const forwarded: readonly BoundService[] = [
    bindService("docker.swarmkit.v1.CA", caService(certificateServer), caPolicy, { forward }),
    bindService("docker.swarmkit.v1.NodeCA", nodeCaService(certificateServer), nodeCaPolicy, { forward }),
    bindService("docker.swarmkit.v1.Dispatcher", dispatcherService(dispatcher), dispatcherPolicy, { forward }),
    bindService("docker.swarmkit.v1.LogBroker", logBrokerService(logBroker), logBrokerPolicy, { forward }),
    onlyForwarding(["AnnounceLeave", "RetractJoin"], bindService("mswarm.v1.Peer", peer, peerPolicy, { forward })),
  ];
  const watch = bindService("docker.swarmkit.v1.Watch", createWatch({ store }), watchPolicy);
  return {
    dispatcher,
    certificateServer,
    logBroker,
    refusedManagers,
    remote: [
      ...forwarded,
      watch,
      bindService("docker.swarmkit.v1.Control", control, controlPolicy, { forward, anyManager: true }),
      bindService("mswarm.v1.Operations", operations, operationsPolicy, { forward, anyManager: true }),
      bindService("docker.swarmkit.v1.Logs", logsService(logBroker), logsPolicy),
      bindService("docker.swarmkit.v1.RaftMembership", raftMembershipService(membership), raftMembershipPolicy, {
        forward: parts.forwardOrHere,
      }),
      bindService("docker.swarmkit.v1.Raft", raftService(reception), raftPolicy),
      bindService("mswarm.v1.RaftTransport", raftTransportService(reception, live), raftTransportPolicy),
      // Serving from the start: whoever admits this manager to Raft asks before it takes part (wire 5.3).
      bindService("docker.swarmkit.v1.Health", healthService({ Raft: () => true }), healthPolicy),
    ],
    local: [
      ...forwarded,
      watch,
      bindService("docker.swarmkit.v1.Control", control, controlPolicy, { forward }),
      bindService("mswarm.v1.Operations", operations, operationsPolicy, { forward }),
      bindService(
        "docker.swarmkit.v1.Logs",
        lastingLogs({ broker: logBroker, forward, clock, random, log }),
        logsPolicy,
      ),
      bindService(
        "docker.swarmkit.v1.Health",
        healthService({ ControlAPI: () => raft.current !== undefined }),
        healthPolicy,
      ),
    ],
  };
}

/** Keeps the forwarding of these methods; the others are about the manager that is asked. */
function onlyForwarding(kept: readonly string[], service: BoundService): BoundService {
  const isKept = (path: string): boolean => kept.some((method) => path.endsWith(`/${method}`));
  return {
    name: service.name,
    methods: service.methods.map((bound) => (isKept(bound.path) ? bound : { ...bound, forward: undefined })),
  };
}
