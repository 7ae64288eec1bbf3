// Starts the manager of this node from what the node has on disk.

import type { Engine } from "@mswarm/engine";
import { type AdmissionStep, type InitialCluster, Manager } from "@mswarm/manager";
import { KeyRing, LevelLogStore } from "@mswarm/raft";
import { type Clock, failedPrecondition, isSwarmError, type Logger, type Random, seconds } from "@mswarm/runtime";
import type { Remotes } from "@mswarm/worker";
import { formatHostPort, type HostPort, parseHostPort } from "./addresses.ts";
import type { Credentials } from "./credentials.ts";
import { managerChannel, otherManagerChannel } from "./manager-connections.ts";
import type { Ending } from "./manager-host.ts";
import type { NodeSettings } from "./settings.ts";
import { version } from "./version.ts";

export interface HostedManagerParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly engine: Engine;
  readonly credentials: Credentials;
  readonly settings: NodeSettings;
  readonly remotes: Remotes;
  readonly raftDirectory: string;
  /** For the first manager of a new cluster. */
  readonly initial: InitialCluster | undefined;
  readonly onAdmissionStep: (step: AdmissionStep) => void;
}

const engineQuestion = seconds(2);
/** How the texts of `RpcServer.listenTcp` begin. */
const cannotListen = "cannot listen on ";
/** How those of a log store begin that lacks the key of its log. */
const foreignLog = "no data key";

/**
 * Resolves when the manager serves, not when it knows a leader.
 *
 * @param signal  ends the attempt to be admitted to Raft
 * Errors: FAILED_PRECONDITION when its address cannot be listened on or the log has another key; those of `LevelLogStore.open` and `Manager.start`.
 */
export async function startHostedManager(
  parts: HostedManagerParts,
  onEnded: (ending: Ending) => void,
  signal: AbortSignal,
): Promise<Manager> {
  const { clock, random, log, credentials, settings, remotes, initial } = parts;
  const listen = parseHostPort(settings.listenAddress);
  const advertiseAddress = formatHostPort(parseHostPort(settings.advertiseAddress));
  const logStore = await LevelLogStore.open({
    directory: parts.raftDirectory,
    keys: new KeyRing(await credentials.raftDek()),
    random,
  });
  try {
    const manager = await Manager.start(
      {
        identity: credentials.identity,
        listen,
        advertiseAddress,
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
        joinChannel: () => otherManagerChannel(advertiseAddress, credentials, remotes, { clock, random }),
        onAdmissionStep: parts.onAdmissionStep,
        onFailure: (error) => onEnded({ reason: "failed", error }),
        onRemoved: () => onEnded({ reason: "removed" }),
      },
      signal,
    );
    log.info({ address: advertiseAddress }, "this node is a manager");
    return manager;
  } catch (error) {
    if (isSwarmError(error, "FAILED_PRECONDITION") && error.message.startsWith(foreignLog)) {
      throw failedPrecondition(
        `the Raft log in ${parts.raftDirectory} is sealed with a key that this node's certificates do not have: it is another node's, or they are; put back what belongs together, or give this node up (mswarm leave --force)`,
        { cause: error },
      );
    }
    if (!isSwarmError(error, "UNAVAILABLE") || !error.message.startsWith(cannotListen)) throw error;
    throw failedPrecondition(listenSentence(listen, error.message, await engineIsInSwarm(parts)), { cause: error });
  }
}

/** What to do about an address that cannot be listened on. @param message  of the server */
export function listenSentence(address: HostPort, message: string, engineIsInSwarm: boolean): string {
  const text = formatHostPort(address);
  if (message.includes("EADDRINUSE")) {
    const suspect = engineIsInSwarm
      ? " (the Docker Engine of this machine is in swarm mode itself: docker swarm leave)"
      : "";
    return `listen tcp ${text}: bind: address already in use${suspect}; free it, or choose another with --listen-addr`;
  }
  if (message.includes("EADDRNOTAVAIL")) {
    return `${text} is not an address of this machine; choose another with --listen-addr`;
  }
  return `${message}; choose another address with --listen-addr`;
}

async function engineIsInSwarm({ engine, clock }: HostedManagerParts): Promise<boolean> {
  const limit = new AbortController();
  const timer = clock.timer(engineQuestion, () => limit.abort());
  try {
    return (await engine.info(limit.signal)).inSwarm;
  } catch {
    // It is asked only to make a sentence better.
    return false;
  } finally {
    timer.cancel();
  }
}
