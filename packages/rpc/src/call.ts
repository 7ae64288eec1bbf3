import type { Instant } from "@mswarm/runtime";

/** Organisational unit of a node certificate. Source: swarmkit ca/certificates.go. */
export type CertificateRole = "swarm-manager" | "swarm-worker";

/** CN, OU and O of a certificate that was verified against the cluster root. */
export interface NodeIdentity {
  readonly nodeId: string;
  readonly role: CertificateRole;
  readonly clusterId: string;
}

/** Whom a call is made for, and how it came here. Made by `rpc` alone, never from what the caller says. */
export interface Caller {
  /** The verified peer of the connection, or the origin that a manager forwarded; undefined without a certificate. */
  readonly identity: NodeIdentity | undefined;
  /** `ip:port` of the origin; empty on the control socket. */
  readonly remoteAddress: string;
  /** The manager that forwarded the call, if one did. */
  readonly forwarder: NodeIdentity | undefined;
  /** True on the control socket: being able to open it is the authorisation. */
  readonly isLocal: boolean;
}

/** What a handler knows of the call it answers. */
export interface Call {
  readonly caller: Caller;
  /** Aborts when the client cancels, the deadline passes, or the connection ends. */
  readonly signal: AbortSignal;
  readonly deadline: Instant | undefined;
  /** The person behind the call, as named by a manager; undefined where no manager says so. */
  readonly user: string | undefined;
}
