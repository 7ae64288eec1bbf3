// Runs the manager of this node while its certificate says that it is one.

import { type InitialCluster, Manager } from "@mswarm/manager";
import { KeyRing, LevelLogStore } from "@mswarm/raft";
import { type Clock, type Logger, messageOf, type Random } from "@mswarm/runtime";
import type { Remotes } from "@mswarm/worker";
import { formatHostPort, parseHostPort } from "./addresses.ts";
import type { Credentials } from "./credentials.ts";
import { managerChannel, someManagerChannel } from "./manager-connections.ts";
import { Mutex } from "./mutex.ts";
import type { NodeSettings } from "./settings.ts";
import { version } from "./version.ts";

export interface ManagerHostParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly credentials: Credentials;
  readonly settings: NodeSettings;
  readonly remotes: Remotes;
  readonly raftDirectory: string;
  /** The manager has stopped because its disk failed, or was removed from Raft. */
  readonly onManagerEnded: (reason: "failed" | "removed", error: Error | undefined) => void;
}

export class ManagerHost {
  readonly #parts: ManagerHostParts;
  readonly #turns = new Mutex();
  #manager: Manager | undefined;

  constructor(parts: ManagerHostParts) {
    this.#parts = parts;
  }

  /** The running manager, also before it is ready. */
  get manager(): Manager | undefined {
    return this.#manager;
  }

  /**
   * Starts the manager; resolves when it serves, not when it knows a leader.
   *
   * @param signal   ends the attempt to be admitted to Raft
   * @param initial  for the first manager of a new cluster
   */
  start(signal: AbortSignal, initial?: InitialCluster): Promise<Manager> {
    return this.#turns.run(async () => this.#manager ?? (await this.#start(initial, signal)));
  }

  /** Stops the manager, handing leadership over first. Idempotent. */
  stop(options: { readonly handOver: boolean }): Promise<void> {
    return this.#turns.run(async () => {
      const manager = this.#manager;
      this.#manager = undefined;
      await manager?.stop(options);
    });
  }

  async #start(initial: InitialCluster | undefined, signal: AbortSignal): Promise<Manager> {
    const { clock, random, log, credentials, settings, remotes, raftDirectory, onManagerEnded } = this.#parts;
    const logStore = await LevelLogStore.open({
      directory: raftDirectory,
      keys: new KeyRing(await credentials.raftDek()),
      random,
    });
    const manager = await Manager.start(
      {
        identity: credentials.identity,
        listen: parseHostPort(settings.listenAddress),
        advertiseAddress: formatHostPort(parseHostPort(settings.advertiseAddress)),
        version,
        start: initial === undefined ? { kind: "member" } : { kind: "bootstrap", initial },
      },
      {
        clock,
        random,
        log,
        crypto: globalThis.crypto,
        tls: credentials.tls,
        verifier: credentials.verifier,
        logStore,
        openChannel: (address) => managerChannel(address, credentials, clock),
        joinChannel: () => someManagerChannel(credentials, remotes, { clock, random }),
        onFailure: (error) => onManagerEnded("failed", error),
        onRemoved: () => onManagerEnded("removed", undefined),
      },
      signal,
    );
    this.#manager = manager;
    log.info({ address: settings.advertiseAddress }, "this node is a manager");
    return manager;
  }
}

/** For the log and the status: why a manager ended. */
export function endedText(reason: "failed" | "removed", error: Error | undefined): string {
  return reason === "removed"
    ? "this manager was removed from the cluster's Raft group"
    : `the manager has stopped: ${messageOf(error)}; free the disk or repair it, then restart the daemon`;
}
