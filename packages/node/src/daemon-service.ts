// mswarm.v1.Daemon: what a person asks of the daemon on this machine.

import { type BoundService, bindService, localOnly, type PolicyTable, type ServiceOf } from "@mswarm/rpc";
import { unimplemented, wireTimestamp } from "@mswarm/runtime";
import type { Handlers, mswarm } from "@mswarm/wire";
import type { Membership } from "./membership.ts";
import { version } from "./version.ts";

type DaemonHandlers = Handlers["mswarm.v1.Daemon"];

const ownMachine = localOnly("it changes this machine's own membership");
const policy: PolicyTable<DaemonHandlers> = {
  Init: ownMachine,
  Join: ownMachine,
  Leave: ownMachine,
  Unlock: ownMachine,
  Status: ownMachine,
};

const localStates = { inactive: "INACTIVE", pending: "PENDING", active: "ACTIVE", error: "ERROR" } as const;

export function daemonService(membership: Membership): BoundService {
  const handlers: ServiceOf<DaemonHandlers> = {
    Init: async (request, call) => ({ nodeId: await membership.init(request, call.signal) }),
    Join: (request, call) => membership.join(request, call.signal),
    Leave: async (request) => {
      await membership.leave(request.force ?? false);
      return {};
    },
    Unlock: () =>
      Promise.reject(unimplemented("locked managers are not in this version yet, so there is nothing to unlock")),
    Status: () => status(membership),
  };
  return bindService("mswarm.v1.Daemon", handlers, policy);
}

async function status(membership: Membership): Promise<mswarm.StatusResponse> {
  const { state, credentials, settings, node, options } = membership;
  const manager = node?.manager;
  return {
    state: localStates[state.kind],
    ...("reason" in state ? { error: state.reason } : {}),
    ...(credentials === undefined
      ? {}
      : {
          nodeId: credentials.certificate.nodeId,
          clusterId: credentials.certificate.clusterId,
          certificateNotAfter: wireTimestamp(credentials.certificate.notAfter),
        }),
    hostname: options.hostname,
    isManager: manager !== undefined,
    ...(settings === undefined ? {} : { advertiseAddr: settings.advertiseAddress }),
    ...(manager === undefined ? {} : { raft: raftStatus(manager.raft) }),
    remoteManagers: (node?.knownManagers ?? []).map(({ address }) => address),
    version,
    residentBytes: String(process.memoryUsage.rss()),
    engine: options.engine,
    engineReachable: await membership.engineAnswers(),
  };
}

type RaftNode = NonNullable<NonNullable<Membership["node"]>["manager"]>["raft"];

function raftStatus(raft: RaftNode): mswarm.RaftStatus {
  const { id, leaderId, term, lastIndex, commit, applied, role } = raft.status();
  const leader = raft.members().find(({ raftId }) => raftId === leaderId);
  return {
    raftId: id,
    leaderRaftId: leaderId,
    ...(leader === undefined ? {} : { leaderNodeId: leader.nodeId }),
    term: String(term),
    lastIndex: String(lastIndex),
    commitIndex: String(commit),
    appliedIndex: String(applied),
    role,
  };
}
