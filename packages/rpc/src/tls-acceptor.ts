// From a raw socket to a connection whose peer is known: limits, handshake, verification, in this order.
import { createServer as createTcpServer, type Server as NetServer, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from "node:tls";
import { type Clock, type Logger, messageOf } from "@mswarm/runtime";
import type { ConnectionPeer } from "./authorization.ts";
import type { NodeIdentity } from "./call.ts";
import type { ConnectionBudget } from "./connection-budget.ts";
import type { RpcLimits } from "./limits.ts";
import { LineBudget } from "./line-budget.ts";
import type { PeerVerifier } from "./peer-verifier.ts";
import type { TlsMaterial } from "./tls-material.ts";
import { alpnProtocols, presentedChain, secureContextOptions } from "./tls-settings.ts";

export interface TlsAcceptorParts {
  readonly tls: TlsMaterial;
  readonly verifier: PeerVerifier;
  readonly budget: ConnectionBudget;
  readonly limits: RpcLimits;
  readonly clock: Clock;
  readonly log: Logger;
  /** Takes a connection over; `release` is called when it has closed. */
  readonly onConnection: (socket: TLSSocket, peer: ConnectionPeer, release: () => void) => void;
}

const refusalLinesPerMinute = 30;
// As Go's listeners do: a machine that vanished is noticed also on a silent connection.
const tcpKeepAliveDelay = 15_000;

/** `ip:port` as Go prints it. */
export function remoteAddressOf(socket: Socket): string {
  const address = (socket.remoteAddress ?? "").replace(/^::ffff:(?=\d+\.)/, "");
  return address.includes(":") ? `[${address}]:${socket.remotePort}` : `${address}:${socket.remotePort}`;
}

const fourTuple = (socket: Socket): string =>
  `${socket.localAddress}|${socket.localPort}|${socket.remoteAddress}|${socket.remotePort}`;

/** A TCP socket whose peer is not known yet. */
interface Handshake {
  readonly socket: Socket;
  readonly release: () => void;
}

/** Accepts TLS connections of one kind: on the network with client certificates, or on the control socket without. */
export class TlsAcceptor {
  readonly #parts: TlsAcceptorParts;
  readonly #isLocal: boolean;
  readonly #tlsServer: TlsServer;
  readonly #stopFollowing: () => void;
  /** Every open TCP or unix socket of ours. */
  readonly #sockets = new Set<Socket>();
  readonly #lines: LineBudget;
  /** By address: tls.Server does not say which raw socket a secure one belongs to. */
  readonly #handshakes = new Map<string, Handshake>();

  constructor(parts: TlsAcceptorParts, isLocal: boolean) {
    const { tls, limits, log } = parts;
    this.#parts = parts;
    this.#isLocal = isLocal;
    this.#lines = new LineBudget(refusalLinesPerMinute, parts.clock);
    this.#tlsServer = createTlsServer({
      ...secureContextOptions(tls.current),
      requestCert: !isLocal,
      rejectUnauthorized: false,
      ALPNProtocols: [...alpnProtocols],
      handshakeTimeout: limits.handshakeTimeout,
    });
    this.#tlsServer.on("secureConnection", (socket) => this.#onSecure(socket));
    this.#tlsServer.on("tlsClientError", (error, socket) => {
      log.debug({ peer: remoteAddressOf(socket), error: messageOf(error) }, "rpc: tls handshake failed");
      socket.destroy();
    });
    this.#stopFollowing = tls.onChange((current) => {
      try {
        this.#tlsServer.setSecureContext(secureContextOptions(current));
      } catch (error) {
        log.error({ error: messageOf(error) }, "rpc: the new certificate cannot be served; the old one stays");
      }
    });
  }

  /** The server of one listening socket; to be closed before this. */
  createListener(): NetServer {
    const options = { noDelay: true, keepAlive: true, keepAliveInitialDelay: tcpKeepAliveDelay };
    return createTcpServer(options, (socket) => this.#accept(socket));
  }

  /** Ends handshakes and verifications under way. Connections that were handed over live on. */
  close(): void {
    this.#stopFollowing();
    for (const { socket } of [...this.#handshakes.values()]) socket.destroy();
  }

  /** Ends every connection, handed over or not. */
  destroyAll(): void {
    for (const socket of [...this.#sockets]) socket.destroy();
  }

  #accept(socket: Socket): void {
    // An error that nobody listens for would end the process.
    socket.on("error", () => socket.destroy());
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    if (this.#parts.tls.current === undefined || !(this.#isLocal || this.#admit(socket))) socket.destroy();
    else this.#tlsServer.emit("connection", socket);
  }

  /** Takes the places that a TCP connection needs; false when there are none. */
  #admit(socket: Socket): boolean {
    const { budget } = this.#parts;
    // No address: the peer is gone already.
    if (socket.remoteAddress === undefined) return false;
    const releaseConnection = budget.takeConnection();
    if (releaseConnection === undefined) return false;
    socket.once("close", releaseConnection);
    const release = budget.takeHandshake(socket.remoteAddress);
    if (release === undefined) return false;
    const key = fourTuple(socket);
    this.#handshakes.set(key, { socket, release });
    socket.once("close", () => {
      release();
      if (this.#handshakes.get(key)?.socket === socket) this.#handshakes.delete(key);
    });
    return true;
  }

  #onSecure(socket: TLSSocket): void {
    socket.on("error", () => socket.destroy());
    if (this.#isLocal) {
      this.#parts.onConnection(socket, { identity: undefined, remoteAddress: "", isLocal: true }, () => undefined);
      return;
    }
    // Read now: a socket that closes meanwhile forgets its addresses.
    const key = fourTuple(socket);
    const ipAddress = socket.remoteAddress ?? "";
    const remoteAddress = remoteAddressOf(socket);
    this.#identify(socket).then(
      (identity) => {
        this.#handshakes.get(key)?.release();
        this.#handshakes.delete(key);
        if (!socket.destroyed) this.#handOver(socket, { identity, remoteAddress, isLocal: false }, ipAddress);
      },
      (error: unknown) => {
        // The peer learns nothing but the end of its connection.
        this.#logRefusal({ peer: remoteAddress, error: messageOf(error) }, "rpc: refused a client certificate");
        socket.destroy();
      },
    );
  }

  /** Who presented the certificate; undefined for nobody. Nobody reads from the socket meanwhile. */
  async #identify(socket: TLSSocket): Promise<NodeIdentity | undefined> {
    const { verifier, clock, limits } = this.#parts;
    const chain = presentedChain(socket);
    if (chain.length === 0) return undefined;
    const timer = clock.timer(limits.handshakeTimeout, () => socket.destroy());
    try {
      return await verifier.verifyClient(chain);
    } finally {
      timer.cancel();
    }
  }

  #handOver(socket: TLSSocket, peer: ConnectionPeer, ipAddress: string): void {
    const { budget, onConnection } = this.#parts;
    const { identity } = peer;
    const release = identity === undefined ? budget.takeStranger(ipAddress) : budget.takeNode(identity);
    if (release === undefined) {
      this.#logRefusal({ peer: peer.remoteAddress, node: identity?.nodeId }, "rpc: too many connections of this peer");
      socket.destroy();
      return;
    }
    onConnection(socket, peer, release);
  }

  #logRefusal(fields: object, message: string): void {
    const line = this.#lines.take();
    if (line !== undefined) this.#parts.log.info({ ...fields, ...line }, message);
  }
}
