import { type Clock, cryptoRandom, type Logger, milliseconds, silentLogger, systemClock } from "@mswarm/runtime";
import type { NodeIdentity } from "../call.ts";
import { type Channel, type ChannelOptions, openChannel } from "../channel.ts";
import { createRpcServer, type ListenAddress, type RpcServer, type RpcServerOptions } from "../server.ts";
import type { BoundService } from "../service.ts";
import { TlsMaterial } from "../tls-material.ts";
import { createTestAuthority, type TestAuthority } from "./authority.ts";
import { testClusterId, testManager } from "./calls.ts";

export interface LoopbackOptions {
  readonly services: readonly BoundService[];
  /** Who the server is; a manager where absent. */
  readonly server?: NodeIdentity;
  /** Several loopbacks with one authority trust each other. */
  readonly authority?: TestAuthority;
  readonly isRemoved?: (nodeId: string) => boolean;
  readonly isRaftMember?: (nodeId: string) => boolean;
  readonly isDemoted?: (nodeId: string) => boolean;
  readonly limits?: RpcServerOptions["limits"];
  readonly clock?: Clock;
  readonly log?: Logger;
}

const random = cryptoRandom();
/** This process's own: another's outgoing connection cannot get the port of a server that closes and comes back. */
const host = `127.${2 + random.below(250)}.${1 + random.below(254)}.1`;

/** A real server on a loopback address, and channels to it under any identity. */
export interface Loopback {
  readonly server: RpcServer;
  readonly address: ListenAddress;
  readonly authority: TestAuthority;
  readonly tls: TlsMaterial;
  /** A channel of `identity`; undefined presents no certificate. Closed with the loopback. */
  channel(identity: NodeIdentity | undefined, options?: Partial<ChannelOptions>): Promise<Channel>;
  close(): Promise<void>;
}

export async function startLoopback(options: LoopbackOptions): Promise<Loopback> {
  const authority = options.authority ?? (await createTestAuthority());
  const clock = options.clock ?? systemClock();
  const tls = new TlsMaterial(await authority.issue(options.server ?? testManager("server")));
  const server = createRpcServer({
    tls,
    verifier: authority.verifier,
    services: options.services,
    clusterId: () => testClusterId,
    isRemoved: options.isRemoved ?? (() => false),
    isRaftMember: options.isRaftMember ?? (() => false),
    isDemoted: options.isDemoted ?? (() => false),
    clock,
    log: options.log ?? silentLogger(),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  });
  const address = await server.listenTcp({ host, port: 0 });
  const channels: Channel[] = [];
  return {
    server,
    address,
    authority,
    tls,
    async channel(identity, channelOptions = {}) {
      const material = identity === undefined ? undefined : await authority.issue(identity);
      const channel = openChannel({
        address: `${address.host}:${address.port}`,
        serverName: "swarm-manager",
        tls: new TlsMaterial(material),
        verifier: authority.verifier,
        clock: systemClock(),
        maxReconnectDelay: milliseconds(200),
        ...channelOptions,
      });
      channels.push(channel);
      return channel;
    },
    async close() {
      for (const channel of channels) channel.close();
      await server.close();
    },
  };
}
