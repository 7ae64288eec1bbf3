// Managers reduced to Raft: real sockets, TLS and level on loopback, a list of texts as the state. They may be of
// Docker's kind, which knows neither Hello nor the batched stream.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type ClusterMembership,
  type Entry,
  KeyRing,
  LevelLogStore,
  type Member,
  RaftNode,
  type RaftNodeOptions,
  type RaftStart,
  type StateMachine,
} from "@mswarm/raft";
import { bindService, createRpcServer, openChannel, type RpcServer, roles, TlsMaterial } from "@mswarm/rpc";
import { createTestAuthority, type TestAuthority, testClusterId, testManager } from "@mswarm/rpc/testing";
import {
  type Clock,
  cryptoRandom,
  type Duration,
  deadlineExceeded,
  milliseconds,
  seconds,
  silentLogger,
  systemClock,
} from "@mswarm/runtime";
import { healthService } from "../../packages/manager/src/state/health-service.ts";
import { PeerTransport } from "../../packages/manager/src/state/peer-transport.ts";
import { raftService, raftTransportService } from "../../packages/manager/src/state/raft-service.ts";

export const clock: Clock = systemClock();
const random = cryptoRandom();
const log = silentLogger();
/** Its own, where nobody's outgoing connection can get the port of a member that is down. */
const host = `127.${2 + random.below(250)}.${1 + random.below(254)}.1`;

/** Polls until `condition` holds. */
export async function eventually(condition: () => boolean, within: Duration = seconds(60)): Promise<void> {
  const end = clock.monotonic() + within;
  while (!condition()) {
    if (clock.monotonic() > end) throw deadlineExceeded(`not true within ${within} ms: ${condition}`);
    await clock.sleep(milliseconds(5));
  }
}

class Texts implements StateMachine {
  list: string[] = [];
  /** Makes snapshots large. */
  padding = 0;

  apply(entries: readonly Entry[]): void {
    for (const { data } of entries) this.list.push(String(data).slice(0, 20));
  }

  async snapshot(membership: ClusterMembership): Promise<Buffer> {
    return Buffer.from(JSON.stringify({ list: this.list, membership, padding: "x".repeat(this.padding) }));
  }

  restore(data: Buffer): ClusterMembership {
    const { list, membership } = JSON.parse(String(data)) as { list: string[]; membership: ClusterMembership };
    this.list = list;
    return membership;
  }
}

export type Kind = "mswarm" | "docker";

export interface RaftManager {
  readonly member: Member;
  readonly node: RaftNode;
  readonly transport: PeerTransport;
  readonly texts: Texts;
  readonly failures: Error[];
  readonly removals: () => number;
  /** Ends it without a word, as a crash does. The log stays. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

export interface Managers {
  start(raftId: string, start: "bootstrap" | "join" | "restart", kind?: Kind): Promise<RaftManager>;
  /** Admits and starts a member through the leader. */
  join(raftId: string, kind?: Kind): Promise<RaftManager>;
  all(): readonly RaftManager[];
  leader(): RaftManager | undefined;
  stop(): Promise<void>;
}

interface Address {
  readonly port: number;
}

export async function createManagers(options: Partial<RaftNodeOptions> = {}): Promise<Managers> {
  const authority: TestAuthority = await createTestAuthority();
  const folder = await mkdtemp(join(tmpdir(), "mswarm-raft-"));
  const keys = new KeyRing(random.bytes(32));
  const running = new Map<string, RaftManager>();
  const addresses = new Map<string, Address>();

  const memberOf = (raftId: string): Member => ({
    raftId,
    nodeId: `node${raftId}`,
    address: `${host}:${addresses.get(raftId)?.port ?? 0}`,
  });

  async function serve(
    raftId: string,
    kind: Kind,
    tls: TlsMaterial,
    node: () => RaftNode | undefined,
  ): Promise<RpcServer> {
    const managers = roles("swarm-manager");
    const raftPolicy = { ProcessRaftMessage: managers, StreamRaftMessage: managers, ResolveAddress: managers };
    const reception = { node, isDemoted: () => false, checkPayloads: () => undefined };
    const docker = [
      bindService("docker.swarmkit.v1.Raft", raftService(reception), raftPolicy),
      bindService("docker.swarmkit.v1.Health", healthService({ Raft: () => node() !== undefined }), {
        Check: managers,
      }),
    ];
    const ours = [
      bindService("mswarm.v1.RaftTransport", raftTransportService(reception), { Stream: managers }),
      bindService(
        "mswarm.v1.Peer",
        {
          Hello: async () => ({ version: "test", raftId }),
          AnnounceLeave: async () => ({}),
          RetractJoin: async () => ({}),
        },
        { Hello: managers, AnnounceLeave: managers, RetractJoin: managers },
      ),
    ];
    const server = createRpcServer({
      tls,
      verifier: authority.verifier,
      services: kind === "mswarm" ? [...docker, ...ours] : docker,
      clusterId: () => testClusterId,
      isRemoved: () => false,
      clock,
      log,
    });
    const known = addresses.get(raftId);
    addresses.set(raftId, await server.listenTcp({ host, port: known?.port ?? 0 }));
    return server;
  }

  /** Listens first, so that the address is known before anybody is told of it. */
  async function prepare(raftId: string, kind: Kind) {
    const tls = new TlsMaterial(await authority.issue(testManager(`node${raftId}`)));
    const holder: { node: RaftNode | undefined } = { node: undefined };
    const server = await serve(raftId, kind, tls, () => holder.node);
    return { tls, holder, server };
  }

  async function run(
    raftId: string,
    start: RaftStart,
    { tls, holder, server }: Awaited<ReturnType<typeof prepare>>,
  ): Promise<RaftManager> {
    const texts = new Texts();
    const failures: Error[] = [];
    let removals = 0;
    const transport = new PeerTransport({
      openPeerChannel: (address) =>
        openChannel({ address, serverName: "swarm-manager", tls, verifier: authority.verifier, clock }),
      clock,
      random,
      log,
      greeting: () => ({ version: "test" }),
    });
    const node = await RaftNode.start(
      // Shorter ticks would end in elections whenever the disk is slow.
      { tickInterval: milliseconds(100), ...options, start },
      {
        store: await LevelLogStore.open({ directory: join(folder, raftId), keys, random }),
        stateMachine: texts,
        transport,
        clock,
        random,
        log,
        onFailure: (error) => void failures.push(error),
        onRemoved: () => {
          removals += 1;
        },
      },
    );
    holder.node = node;
    transport.attach(node, raftId);
    const end = async (handOver: boolean): Promise<void> => {
      running.delete(raftId);
      if (!handOver) await server.close();
      await node.stop({ handOver });
      transport.close();
      await server.close();
    };
    const manager: RaftManager = {
      member: memberOf(raftId),
      node,
      transport,
      texts,
      failures,
      removals: () => removals,
      crash: () => end(false),
      stop: () => end(true),
    };
    running.set(raftId, manager);
    return manager;
  }

  const leader = (): RaftManager | undefined => [...running.values()].find(({ node }) => node.leadership.isLeader);

  return {
    async start(raftId, how, kind = "mswarm") {
      const prepared = await prepare(raftId, kind);
      const self = memberOf(raftId);
      const start: RaftStart =
        how === "restart" ? { kind: how } : how === "join" ? { kind: how, self, members: [] } : { kind: how, self };
      return run(raftId, start, prepared);
    },
    async join(raftId, kind = "mswarm") {
      const prepared = await prepare(raftId, kind);
      const self = memberOf(raftId);
      const current = leader();
      if (current === undefined) throw deadlineExceeded("nobody leads");
      await current.node.addMember(self);
      return run(raftId, { kind: "join", self, members: current.node.members() }, prepared);
    },
    all: () => [...running.values()],
    leader,
    async stop() {
      await Promise.all([...running.values()].map((manager) => manager.crash()));
      await rm(folder, { recursive: true, force: true });
    },
  };
}
