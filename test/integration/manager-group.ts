// Three managers in one process, as daemons run them: real sockets and TLS on loopback addresses of their own, a control
// socket each. Only the node around them is missing, and with it files: logs are in memory.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { Manager } from "@mswarm/manager";
import { ChainVerifier, newJoinToken, rootDigest } from "@mswarm/pki";
import { type TestAuthority, type TestNode, testAuthority } from "@mswarm/pki/testing";
import { MemoryLogStore } from "@mswarm/raft";
import {
  type CertifiedKey,
  type Channel,
  createRpcServer,
  openChannel,
  openUnixChannel,
  type PeerVerifier,
  type RpcServer,
  TlsMaterial,
} from "@mswarm/rpc";
import { cryptoRandom, invariant, type Logger, silentLogger, systemClock } from "@mswarm/runtime";
import { nodes } from "@mswarm/store";
import type { NodeRole } from "@mswarm/wire";
import { eventually } from "../support/eventually.ts";

const clock = systemClock();
const random = cryptoRandom();
const subnet = `127.${2 + random.below(250)}.${1 + random.below(254)}`;

let lastHost = 10;

export interface GroupManager {
  readonly nodeId: string;
  /** What it presents: for those who have stolen it. */
  readonly identity: TestNode;
  readonly address: string;
  readonly manager: Manager;
  /** To its control socket. */
  readonly local: Channel;
  stop(options: { readonly handOver: boolean }): Promise<void>;
}

export class ManagerGroup {
  readonly managers: GroupManager[] = [];
  /** Every line that was logged above debug. */
  readonly lines: string[] = [];
  /**
   * By node id: the addresses that its manager dials instead of others, which is a wrong belief about who is where.
   * For connections that it opens from now on.
   */
  readonly detours: Map<string, ReadonlyMap<string, string>> = new Map();
  readonly #authority: TestAuthority;
  readonly #folder: string;
  readonly #channels: Channel[] = [];

  private constructor(authority: TestAuthority, folder: string) {
    this.#authority = authority;
    this.#folder = folder;
  }

  static async start(count: number): Promise<ManagerGroup> {
    const folder = await mkdtemp(join(tmpdir(), "msmg-"));
    const group = new ManagerGroup(await testAuthority({ clock }), folder);
    for (let number = 1; number <= count; number += 1) await group.add();
    return group;
  }

  /** The first makes the cluster; the others are known to it as managers, and join. */
  async add(): Promise<GroupManager> {
    const identity = await this.#authority.node();
    const [first] = this.managers;
    if (first !== undefined) await this.record(identity, "MANAGER");
    const { nodeId } = identity;
    lastHost += 1;
    const host = `${subnet}.${lastHost}`;
    const tls = new TlsMaterial(identity);
    const dial = (address: string): Channel => this.#dial(this.detours.get(nodeId)?.get(address) ?? address, tls);
    const start =
      first === undefined
        ? ({ kind: "bootstrap", initial: this.#initial(nodeId) } as const)
        : ({ kind: "member" } as const);
    const manager = await Manager.start(
      {
        identity: { nodeId, role: "swarm-manager", clusterId: this.#authority.clusterId },
        listen: { host, port: 2377 },
        advertiseAddress: `${host}:2377`,
        version: "test",
        start,
      },
      {
        clock,
        random,
        log: this.#log,
        crypto: globalThis.crypto,
        tls,
        verifier: this.#verifier,
        logStore: new MemoryLogStore(),
        openChannel: dial,
        joinChannel: () => dial(first?.address ?? ""),
        onFailure: (error) => {
          throw error;
        },
        onRemoved: () => undefined,
      },
      new AbortController().signal,
    );
    await eventually(() => invariant(manager.isReady, "the manager is ready"));
    const { server, channel: local } = await this.#controlSocket(manager, tls, join(this.#folder, `${nodeId}.sock`));
    const stop = async (options: { readonly handOver: boolean }): Promise<void> => {
      this.managers.splice(this.managers.indexOf(added), 1);
      local.close();
      await manager.stop(options);
      await server.close();
    };
    const added: GroupManager = { nodeId, identity, address: `${host}:2377`, manager, local, stop };
    this.managers.push(added);
    return added;
  }

  get leader(): GroupManager {
    const leader = this.managers.find(({ manager }) => manager.raft.leadership.isLeader);
    invariant(leader !== undefined, "a manager leads");
    return leader;
  }

  get follower(): GroupManager {
    const follower = this.managers.find(({ manager }) => !manager.raft.leadership.isLeader);
    invariant(follower !== undefined, "a manager follows");
    return follower;
  }

  get authority(): TestAuthority {
    return this.#authority;
  }

  /** As nodes hold them. */
  joinTokens(): { readonly worker: string; readonly manager: string } {
    const [cluster] = this.leader.manager.store.save().clusters ?? [];
    const { worker = "", manager = "" } = cluster?.rootCa?.joinTokens ?? {};
    return { worker, manager };
  }

  /** A worker with a certificate, known to the cluster. */
  async worker(): Promise<TestNode> {
    const identity = await this.#authority.node({ role: "swarm-worker" });
    await this.record(identity, "WORKER");
    return identity;
  }

  /** A channel of `node` (nobody where undefined) to a manager's network address. Closed with the group. */
  channel(node: CertifiedKey | undefined, to: GroupManager): Channel {
    const channel = this.#dial(to.address, new TlsMaterial(node));
    this.#channels.push(channel);
    return channel;
  }

  /** What the cluster knows of a node that joined. */
  async record({ nodeId, certificatePem }: TestNode, role: NodeRole): Promise<void> {
    await this.leader.manager.store.update((tx) =>
      tx.create(nodes, {
        id: nodeId,
        role,
        spec: { desiredRole: role, membership: "ACCEPTED", availability: "ACTIVE" },
        certificate: { cn: nodeId, role, status: { state: "ISSUED" }, certificate: Buffer.from(certificatePem) },
      }),
    );
  }

  async stop(): Promise<void> {
    for (const channel of this.#channels.splice(0)) channel.close();
    await Promise.all([...this.managers].map((manager) => manager.stop({ handOver: false })));
    await rm(this.#folder, { recursive: true, force: true });
  }

  get #log(): Logger {
    const keep = (fields: object, text: string): void => {
      this.lines.push(`${text} ${inspect(fields)}`);
    };
    return { ...silentLogger(), info: keep, warn: keep, error: keep };
  }

  get #verifier(): PeerVerifier {
    const { rootPem, clusterId } = this.#authority;
    const chain = new ChainVerifier({ rootPem: () => rootPem, clusterId: () => clusterId, clock });
    return {
      verifyClient: (presented) => chain.verifyNode(presented, "client"),
      verifyServer: (presented, serverName) => chain.verifyNode(presented, "server", serverName),
    };
  }

  #dial(address: string, tls: TlsMaterial): Channel {
    return openChannel({ address, serverName: "swarm-manager", tls, verifier: this.#verifier, clock });
  }

  #initial(nodeId: string) {
    const { clusterId, rootPem, rootKeyPem } = this.#authority;
    const token = (): string => newJoinToken(rootPem, random);
    return {
      clusterId,
      nodeId,
      root: { certificatePem: rootPem, digest: rootDigest(Buffer.from(rootPem)), keyPem: rootKeyPem },
      joinTokens: { worker: token(), manager: token() },
    };
  }

  async #controlSocket(
    manager: Manager,
    tls: TlsMaterial,
    path: string,
  ): Promise<{ server: RpcServer; channel: Channel }> {
    const server = createRpcServer({
      tls,
      verifier: this.#verifier,
      services: manager.localServices,
      clusterId: () => this.#authority.clusterId,
      isRemoved: () => false,
      clock,
      log: this.#log,
    });
    await server.listenUnix(path);
    return { server, channel: openUnixChannel(path, { clock }) };
  }
}
