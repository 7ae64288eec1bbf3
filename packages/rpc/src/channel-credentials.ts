// How a channel's connections are made: our TLS settings, our verification, before gRPC sees the socket.

import type { Socket } from "node:net";
import { connect, createSecureContext, type SecureContext, type TLSSocket } from "node:tls";
import { CallCredentials, ChannelCredentials, type experimental } from "@grpc/grpc-js";
import { type Clock, type Duration, deferred, type Timer, unavailable } from "@mswarm/runtime";
import type { NodeIdentity } from "./call.ts";
import type { PeerVerifier } from "./peer-verifier.ts";
import type { CertifiedKey, TlsMaterial } from "./tls-material.ts";
import { alpnProtocols, presentedChain, secureContextOptions } from "./tls-settings.ts";

export interface DialParts {
  readonly serverName: string;
  readonly tls: TlsMaterial | undefined;
  readonly verifier: PeerVerifier | "none";
  readonly connectTimeout: Duration;
  readonly clock: Clock;
  /** The TCP connect takes longer than `connectTimeout`; grpc-js itself would wait for the kernel, two minutes. */
  readonly onStalled: () => void;
  readonly onConnected: (identity: NodeIdentity | undefined) => void;
  readonly onDisconnected: () => void;
}

const tcpKeepAliveDelay = 15_000;

/** Credentials of exactly one channel. */
export class DialCredentials extends ChannelCredentials {
  readonly #parts: DialParts;
  #context: { readonly of: CertifiedKey | undefined; readonly context: SecureContext } | undefined;
  #connecting: Timer | undefined;
  readonly #sockets = new Set<Socket>();
  #closed = false;

  constructor(parts: DialParts) {
    super();
    this.#parts = parts;
  }

  /** Ends the connection, and attempts to connect. grpc-js alone would let calls wait on for a server that is gone. */
  close(): void {
    this.#closed = true;
    this.#connecting?.cancel();
    for (const socket of this.#sockets) socket.destroy();
  }

  override _isSecure(): boolean {
    return true;
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(
    _target: experimental.GrpcUri,
    _options: object,
    callCredentials?: CallCredentials,
  ): experimental.SecureConnector {
    return {
      waitForReady: async () => this.#begin(),
      connect: (socket) => this.#secure(socket),
      getCallCredentials: () => callCredentials ?? CallCredentials.createEmpty(),
      destroy: () => this.#connecting?.cancel(),
    };
  }

  /** grpc-js is about to dial. */
  #begin(): void {
    // grpc-js may get here once more after the end; a timer would keep the process alive for nothing.
    if (this.#closed) return;
    const { clock, connectTimeout, onStalled } = this.#parts;
    this.#connecting?.cancel();
    this.#connecting = clock.timer(connectTimeout, onStalled);
  }

  async #secure(raw: Socket): Promise<experimental.SecureConnectResult> {
    this.#connecting?.cancel();
    const { clock, connectTimeout, onConnected, onDisconnected } = this.#parts;
    if (this.#closed) {
      raw.destroy();
      throw unavailable("connection error: the channel is closed");
    }
    // As Go's dialers do: a server that vanished is noticed also on a silent connection.
    raw.setKeepAlive(true, tcpKeepAliveDelay);
    this.#sockets.add(raw);
    raw.once("close", () => this.#sockets.delete(raw));
    const late = deferred<never>();
    const timer = clock.timer(connectTimeout, () => late.reject(unavailable("the TLS handshake took too long")));
    try {
      const { socket, identity } = await Promise.race([this.#identified(raw), late.promise]);
      onConnected(identity);
      socket.once("close", onDisconnected);
      return { socket, secure: true };
    } catch (error) {
      raw.destroy();
      throw error;
    } finally {
      timer.cancel();
    }
  }

  /** Nobody reads from the socket until the server is known. */
  async #identified(raw: Socket): Promise<{ socket: TLSSocket; identity: NodeIdentity | undefined }> {
    const { verifier, serverName } = this.#parts;
    const socket = await this.#handshake(raw);
    const identity = verifier === "none" ? undefined : await verifier.verifyServer(presentedChain(socket), serverName);
    if (socket.destroyed) throw unavailable("the server closed the connection during the handshake");
    return { socket, identity };
  }

  #handshake(raw: Socket): Promise<TLSSocket> {
    const { serverName } = this.#parts;
    return new Promise((resolve, reject) => {
      const socket = connect({
        socket: raw,
        secureContext: this.#secureContext(),
        rejectUnauthorized: false,
        ALPNProtocols: [...alpnProtocols],
        ...(serverName === "" ? {} : { servername: serverName }),
      });
      socket.on("error", reject);
      socket.once("close", () => reject(unavailable("the server closed the connection during the handshake")));
      socket.once("secureConnect", () => resolve(socket));
    });
  }

  #secureContext(): SecureContext {
    const current = this.#parts.tls?.current;
    if (this.#context === undefined || this.#context.of !== current) {
      this.#context = { of: current, context: createSecureContext(secureContextOptions(current)) };
    }
    return this.#context.context;
  }
}
