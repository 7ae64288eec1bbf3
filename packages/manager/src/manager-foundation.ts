// What of a manager exists before Raft runs: a manager serves before it is admitted, because whoever admits it calls back.
import { createRpcServer, type RpcServer } from "@mswarm/rpc";
import { newId } from "@mswarm/runtime";
import { Store } from "@mswarm/store";
import type { mswarm } from "@mswarm/wire";
import { LeaderLocator } from "./leader-location.ts";
import type { ManagerOptions, ManagerParts } from "./manager-options.ts";
import { hostAndPort } from "./membership/host-and-port.ts";
import { demotedNodes } from "./membership/recorded-role.ts";
import { removedNodes } from "./membership/removed-nodes.ts";
import { peerProbe } from "./peer-probe.ts";
import { ObservedTransport, RaftHolder } from "./raft-views.ts";
import { type ManagerServices, managerServices } from "./services.ts";
import { LiveManagers } from "./state/live-managers.ts";
import { PeerTransport } from "./state/peer-transport.ts";
import { ReplicatedStore } from "./state/replicated-store.ts";

export interface Foundation {
  readonly store: Store;
  readonly replicated: ReplicatedStore;
  readonly holder: RaftHolder;
  readonly transport: PeerTransport;
  readonly observed: ObservedTransport;
  readonly locator: LeaderLocator;
  readonly services: ManagerServices;
  readonly server: RpcServer;
}

/** Builds it all; nothing listens or runs yet. */
export function layFoundation(options: ManagerOptions, parts: ManagerParts): Foundation {
  const { identity, version } = options;
  const { clock, random, log, crypto, tls, verifier, openChannel } = parts;
  const store = new Store({ clock, random, log });
  const replicated = new ReplicatedStore(store, clock);
  const holder = new RaftHolder();
  const instance = newId(random);
  const live = new LiveManagers(clock);
  const greeting = (): mswarm.HelloRequest => ({
    version,
    instance,
    raftId: holder.raftId,
    address: options.advertiseAddress,
  });
  const transport = new PeerTransport({
    openPeerChannel: openChannel,
    clock,
    random,
    log,
    greeting,
    regained: ({ raftId }) => locator.contactRegained(raftId),
  });
  const observed = new ObservedTransport(transport);
  const locator = new LeaderLocator({
    clock,
    openChannel,
    leadership: () => holder.leadership,
    members: () => holder.members(),
    raftId: () => holder.raftId,
  });
  const services = managerServices({
    clock,
    random,
    log,
    crypto,
    identity,
    version,
    instance,
    live,
    greeted: ({ raftId = "0", address = "" }, nodeId) => {
      if (hostAndPort(address) !== undefined) transport.hasMoved(raftId, nodeId, address);
      transport.heardOf(raftId, nodeId);
    },
    store,
    raft: holder,
    managers: observed,
    probe: peerProbe(openChannel, version),
    forward: locator,
    forwardOrHere: locator.orHere,
  });
  const server = createRpcServer({
    tls,
    verifier,
    services: services.remote,
    clusterId: () => identity.clusterId,
    isRemoved: removedNodes(store, identity.clusterId),
    isDemoted: demotedNodes(store),
    isRaftMember: (nodeId) => holder.members().some((member) => member.nodeId === nodeId),
    clock,
    log,
  });
  return { store, replicated, holder, transport, observed, locator, services, server };
}
