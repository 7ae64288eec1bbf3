// What a manager is started with.
import type { CryptoProvider } from "@mswarm/pki";
import type { LogStore } from "@mswarm/raft";
import type { Channel, ListenAddress, NodeIdentity, PeerVerifier, TlsMaterial } from "@mswarm/rpc";
import type { Clock, Logger, Random } from "@mswarm/runtime";
import type { InitialCluster } from "./membership/bootstrap.ts";
import type { AdmissionStep } from "./raft-join.ts";

export interface ManagerOptions {
  readonly identity: NodeIdentity;
  readonly listen: ListenAddress;
  /** host:port that other managers dial. */
  readonly advertiseAddress: string;
  /** Of this daemon. */
  readonly version: string;
  readonly start:
    | { readonly kind: "bootstrap"; readonly initial: InitialCluster }
    /** Goes on with the log on disk or, when there is none, asks the cluster to be admitted. */
    | { readonly kind: "member" };
}

export interface ManagerParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly crypto: CryptoProvider;
  readonly tls: TlsMaterial;
  readonly verifier: PeerVerifier;
  /** Opened and not loaded; the manager owns it from now on. */
  readonly logStore: LogStore;
  /** A new channel to the manager at an address; whoever asks for it closes it. */
  readonly openChannel: (address: string) => Channel;
  /** A new channel to some manager of the cluster, to be admitted by it. */
  readonly joinChannel: () => Channel;
  readonly onAdmissionStep?: (step: AdmissionStep) => void;
  /** The manager cannot go on: its disk failed. */
  readonly onFailure: (error: Error) => void;
  readonly onRemoved: () => void;
}
