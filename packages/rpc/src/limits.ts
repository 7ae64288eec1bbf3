import { type Duration, milliseconds, minutes, seconds, type TokenBucketOptions } from "@mswarm/runtime";

/** What one connection is granted. */
export interface PeerLimits {
  /** Largest received message, in bytes. */
  readonly maxMessageBytes: number;
  /**
   * Bytes of messages that are only partly here: of all connections of one node, or of the strangers of one address.
   * Streams times message size would be gigabytes.
   */
  readonly maxPendingBytes: number;
  /** Open streams; and running handlers, which may outlive a stream that was reset. */
  readonly maxStreams: number;
  /** Memory that its HTTP/2 session may hold, in 10^6 bytes. */
  readonly maxSessionMegabytes: number;
  /** Bytes of the headers of one request. */
  readonly maxHeaderBytes: number;
  /** Streams that it may reset at once, and per second in the long run. */
  readonly resetBurst: number;
  readonly resetRate: number;
}

/**
 * What one server grants its peers; each bound exists so that nobody can make its memory grow.
 * The floods of HTTP/2 itself that are not named here (settings, pings, continuation frames) are bounded by node:http2
 * and nghttp2; an attack test exercises them.
 */
export interface RpcLimits {
  /** Peers without a certificate: they need three small calls to join, and get no more than these take. */
  readonly strangers: PeerLimits;
  readonly workers: PeerLimits;
  /** Managers and the control socket. A follower's one connection carries the streams of all its workers. */
  readonly managers: PeerLimits;
  /**
   * Calls of one node that is no manager, over all its connections, and through all managers that pass them on. What
   * managers call is not counted: Raft messages and what others ask of them.
   */
  readonly workerCalls: TokenBucketOptions;
  /** All open TCP connections, handshakes included. */
  readonly maxConnections: number;
  /** Open connections that present the certificate of one manager, and of one worker. */
  readonly maxConnectionsPerNode: number;
  readonly maxConnectionsPerWorker: number;
  /** Open connections of strangers, and those of one address (an IPv4 address, or an IPv6 /64). */
  readonly maxStrangers: number;
  readonly maxStrangersPerAddress: number;
  /** Handshakes under way, and those of one address. */
  readonly maxHandshakes: number;
  readonly maxHandshakesPerAddress: number;
  /** Time for the TLS handshake, and again for the verification. */
  readonly handshakeTimeout: Duration;
  /** Time within which a stranger's request has to be here completely. */
  readonly strangerRequestTimeout: Duration;
  /** A stranger's connection is closed after so long without an open call, */
  readonly strangerIdleTimeout: Duration;
  /** and in any case after so long. */
  readonly strangerLifetime: Duration;
}

// Source: wire reference 1.1 (MaxRecvMsgSize).
const swarmkitMessageBytes = 4 * 1024 * 1024;

export const defaultLimits: RpcLimits = {
  strangers: {
    // A token and a certificate request are below 10 KiB.
    maxMessageBytes: 64 * 1024,
    maxPendingBytes: 4 * 1024 * 1024,
    maxStreams: 8,
    maxSessionMegabytes: 16,
    maxHeaderBytes: 16 * 1024,
    resetBurst: 50,
    resetRate: 5,
  },
  workers: {
    maxMessageBytes: swarmkitMessageBytes,
    maxPendingBytes: 16 * 1024 * 1024,
    maxStreams: 200,
    maxSessionMegabytes: 64,
    maxHeaderBytes: 16 * 1024,
    // A worker ends a stream when it turns to another manager, or when somebody stops following its logs.
    resetBurst: 100,
    resetRate: 10,
  },
  managers: {
    maxMessageBytes: swarmkitMessageBytes,
    maxPendingBytes: 256 * 1024 * 1024,
    maxStreams: 20_000,
    maxSessionMegabytes: 512,
    maxHeaderBytes: 16 * 1024,
    resetBurst: 20_000,
    resetRate: 2_000,
  },
  // A worker of Docker's reports each task in a call of its own, one after another, and all of them anew after a session.
  workerCalls: { capacity: 2_000, interval: milliseconds(2) },
  maxConnections: 10_000,
  maxConnectionsPerNode: 50,
  // One, a second while it turns to another manager or renews its certificate, and some that are gone without a word.
  maxConnectionsPerWorker: 10,
  maxStrangers: 600,
  maxStrangersPerAddress: 200,
  maxHandshakes: 1_000,
  maxHandshakesPerAddress: 200,
  handshakeTimeout: seconds(10),
  strangerRequestTimeout: seconds(10),
  strangerIdleTimeout: minutes(1),
  strangerLifetime: minutes(30),
};
