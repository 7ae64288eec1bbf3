import { isIPv6 } from "node:net";
import { type Client, connectivityState, Client as GrpcClient } from "@grpc/grpc-js";
import {
  after,
  type Clock,
  type Duration,
  type Instant,
  invalidArgument,
  type Logger,
  seconds,
  systemClock,
} from "@mswarm/runtime";
import type { Handlers, ServiceName } from "@mswarm/wire";
import type { ByteCalls } from "./byte-calls.ts";
import type { NodeIdentity } from "./call.ts";
import { DialCredentials } from "./channel-credentials.ts";
import type { ClientOf } from "./client.ts";
import { bidiStreamCall, clientStreamCall, closedChannel, serverStreamCall, unaryCall } from "./grpc-calls.ts";
import type { PeerVerifier } from "./peer-verifier.ts";
import type { TlsMaterial } from "./tls-material.ts";
import { typedClient } from "./typed-client.ts";

export interface ChannelOptions {
  /** `host:port`; IPv6 hosts in brackets. */
  readonly address: string;
  /** Name asked for in the handshake and given to the verifier; "" asks for none. */
  readonly serverName: string;
  /** Certificate to present, read anew for each connection; none is presented where absent or empty. */
  readonly tls?: TlsMaterial;
  /** "none" accepts any server: only to fetch a root certificate that is then checked against a token's digest. */
  readonly verifier: PeerVerifier | "none";
  readonly clock: Clock;
  readonly log?: Logger;
  /** Longest pause between two attempts to connect; 8 s where absent. The first is 100 ms. */
  readonly maxReconnectDelay?: Duration;
  /** Bound for TCP connect, and again for TLS and verification; 5 s where absent. */
  readonly connectTimeout?: Duration;
  /**
   * Pings, so that a peer whose packets are dropped is noticed. None where absent: a Go server ends connections that
   * ping more often than every five minutes, so this is for servers that are known to be mswarm.
   */
  readonly keepalive?: { readonly interval: Duration; readonly timeout: Duration };
}

/** A connection to one server, made when first used and again after it broke. */
export interface Channel {
  client<N extends ServiceName>(name: N): ClientOf<Handlers[N]>;
  /** The verified identity of the server of the current (or last) connection. */
  readonly peer: NodeIdentity | undefined;
  /** Calls `listener` whenever an established connection ends; returns how to stop. */
  onDisconnect(listener: () => void): () => void;
  /** Ends the connection; calls that are under way fail. Idempotent. */
  close(): void;
  /** The same calls on encoded messages, for forwarding. */
  readonly bytes: ByteCalls;
}

const firstReconnectDelay = 100;
const defaultMaxReconnectDelay = seconds(8);
const defaultConnectTimeout = seconds(5);
/** A first set of assignments holds all configs of a node, 1 MB each; a server that sends on without end is cut off. */
const answerBytesMax = 512 * 2 ** 20;

const same = (bytes: Buffer): Buffer => bytes;

function targetOf(address: string): string {
  const match = /^(?:\[(?<v6>[^\]]+)\]|(?<name>[A-Za-z0-9._-]+)):(?<port>\d{1,5})$/.exec(address);
  const v6 = match?.groups?.["v6"];
  if (match === null || (v6 !== undefined && !isIPv6(v6)) || Number(match.groups?.["port"]) > 65_535) {
    throw invalidArgument(`not an address of the form host:port: ${JSON.stringify(address)}`);
  }
  return `dns:${address}`;
}

interface GrpcChannelParts extends Omit<ChannelOptions, "address"> {
  readonly target: string;
}

class GrpcChannel implements Channel {
  readonly #parts: GrpcChannelParts;
  readonly #listeners = new Set<() => void>();
  #current: { readonly client: Client; readonly credentials: DialCredentials } | undefined;
  #peer: NodeIdentity | undefined;
  #closed = false;

  constructor(parts: GrpcChannelParts) {
    this.#parts = parts;
  }

  get peer(): NodeIdentity | undefined {
    return this.#peer;
  }

  readonly bytes: ByteCalls = {
    unary: async (path, request, options) =>
      unaryCall(this.#client(), { path, encode: same, decode: same }, request, options),
    serverStream: (path, request, options) =>
      serverStreamCall(() => this.#client(), { path, encode: same, decode: same }, request, options),
    clientStream: async (path, requests, options) =>
      clientStreamCall(this.#client(), { path, encode: same, decode: same }, requests, options),
    bidiStream: (path, requests, options) =>
      bidiStreamCall(() => this.#client(), { path, encode: same, decode: same }, requests, options),
  };

  client<N extends ServiceName>(name: N): ClientOf<Handlers[N]> {
    const deadline = (timeout: Duration | undefined): Instant | undefined =>
      timeout === undefined ? undefined : after(this.#parts.clock.now(), timeout);
    return typedClient(name, () => this.#client(), deadline);
  }

  onDisconnect(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  close(): void {
    this.#closed = true;
    this.#discard();
  }

  #client(): Client {
    if (this.#closed) throw closedChannel();
    this.#current ??= this.#open();
    return this.#current.client;
  }

  #open(): { client: Client; credentials: DialCredentials } {
    const { target, serverName, tls, verifier, clock, log, keepalive } = this.#parts;
    const credentials = new DialCredentials({
      serverName,
      tls,
      verifier,
      clock,
      connectTimeout: this.#parts.connectTimeout ?? defaultConnectTimeout,
      onStalled: () => {
        const { client } = this.#current ?? {};
        if (client?.getChannel().getConnectivityState(false) !== connectivityState.CONNECTING) return;
        log?.debug({ target }, "rpc: connecting takes too long");
        // Calls that wait for the connection fail; the next one dials anew.
        this.#discard();
      },
      onConnected: (identity) => {
        this.#peer = identity;
      },
      onDisconnected: () => {
        for (const listener of [...this.#listeners]) listener();
      },
    });
    const client = new GrpcClient(target, credentials, {
      "grpc.max_receive_message_length": answerBytesMax,
      "grpc.max_send_message_length": -1,
      "grpc.initial_reconnect_backoff_ms": firstReconnectDelay,
      "grpc.max_reconnect_backoff_ms": this.#parts.maxReconnectDelay ?? defaultMaxReconnectDelay,
      "grpc.dns_min_time_between_resolutions_ms": 1_000,
      "grpc.service_config_disable_resolution": 1,
      "grpc.use_local_subchannel_pool": 1,
      "grpc.enable_http_proxy": 0,
      "grpc.enable_channelz": 0,
      ...(serverName === "" ? {} : { "grpc.default_authority": serverName }),
      ...(keepalive === undefined
        ? {}
        : {
            "grpc.keepalive_time_ms": keepalive.interval,
            "grpc.keepalive_timeout_ms": keepalive.timeout,
            "grpc.keepalive_permit_without_calls": 1,
          }),
    });
    return { client, credentials };
  }

  #discard(): void {
    this.#current?.credentials.close();
    this.#current?.client.close();
    this.#current = undefined;
  }
}

/** A channel to a TCP address; connects when first used. Throws INVALID_ARGUMENT for a malformed address. */
export function openChannel(options: ChannelOptions): Channel {
  const { address, ...rest } = options;
  return new GrpcChannel({ ...rest, target: targetOf(address) });
}

export interface UnixChannelOptions {
  readonly clock?: Clock;
  readonly log?: Logger;
  readonly connectTimeout?: Duration;
}

/**
 * A channel to a control socket: TLS as Docker's speaks, but nothing is verified and no certificate is presented,
 * because being able to open the socket is the authorisation.
 */
export function openUnixChannel(path: string, options: UnixChannelOptions = {}): Channel {
  return new GrpcChannel({
    clock: systemClock(),
    ...options,
    target: `unix:${path}`,
    serverName: "",
    verifier: "none",
  });
}
