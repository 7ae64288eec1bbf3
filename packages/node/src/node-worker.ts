// The worker of this node, put together from what the daemon knows.
import type { Engine } from "@mswarm/engine";
import { versionLabel } from "@mswarm/manager";
import type { Channel } from "@mswarm/rpc";
import {
  type Clock,
  childAbort,
  deadlineExceeded,
  type Logger,
  messageOf,
  type Random,
  seconds,
  unavailable,
} from "@mswarm/runtime";
import type { SessionMessage } from "@mswarm/wire";
import {
  createWorker,
  type DescriptionOverrides,
  FileTaskJournal,
  managerConnector,
  type Remotes,
  TmpfsSecretMount,
  type Worker,
  type WorkerOptions,
} from "@mswarm/worker";
import type { Credentials } from "./credentials.ts";
import { type DaemonOptions, unixPath } from "./daemon-options.ts";
import { managerChannel } from "./manager-connections.ts";
import { secretsDirectoryOf } from "./secrets-directory.ts";
import type { StateDirectory } from "./state-directory.ts";
import { version } from "./version.ts";

export interface MachineParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly options: DaemonOptions;
  readonly state: StateDirectory;
  readonly engine: Engine;
}

export interface NodeWorkerParts extends MachineParts {
  readonly credentials: Credentials;
  readonly remotes: Remotes;
  /** A new channel to the manager on this node, while there is one. */
  readonly localChannel: () => Channel | undefined;
  readonly onSessionMessage: (message: SessionMessage) => void;
  readonly onSessionFailure: (error: unknown) => void;
}

/** For removing a leaving node's containers. */
const leaveLimit = seconds(30);

export function createNodeWorker(parts: NodeWorkerParts): Worker {
  const { clock, random, credentials, remotes, localChannel, onSessionMessage, onSessionFailure } = parts;
  return createWorker({
    ...machineOptions(parts),
    nodeId: credentials.identity.nodeId,
    connect: managerConnector({
      remotes,
      random,
      localChannel,
      remoteChannel: (address) => managerChannel(address, credentials, clock),
    }),
    overrides: () => descriptionOf(parts.options, credentials),
    onSessionMessage,
    onSessionFailure,
  });
}

/** A worker that is only there to clean up after a node that cannot be started any more. */
export function createLeavingWorker(nodeId: string, parts: MachineParts): Worker {
  const connect = (): Promise<never> => Promise.reject(unavailable("this node is leaving its cluster"));
  return createWorker({ ...machineOptions(parts), nodeId, connect });
}

/** Removes containers, secrets and journal. An engine that does not answer must not keep a node in a cluster. */
export async function leaveInTime(
  worker: Pick<Worker, "leave">,
  { clock, log }: Pick<MachineParts, "clock" | "log">,
): Promise<void> {
  const limit = childAbort(new AbortController().signal);
  const timer = clock.timer(leaveLimit, () => limit.abort(deadlineExceeded("the engine does not answer")));
  try {
    await worker.leave(limit.signal);
  } catch (error) {
    log.warn({ reason: messageOf(error) }, "not everything of this node's tasks could be removed");
  } finally {
    timer.cancel();
  }
}

function machineOptions({
  clock,
  random,
  log,
  options,
  state,
  engine,
}: MachineParts): Omit<WorkerOptions, "nodeId" | "connect"> {
  return {
    engine,
    secretMount: new TmpfsSecretMount(secretsDirectoryOf(unixPath(options.control, "--control")), { random, log }),
    journal: new FileTaskJournal(state.worker, { log }),
    extraLabels: options.lab === undefined ? {} : { "mswarm.lab": options.lab },
    ...(options.publishAddress === undefined ? {} : { hostPortAddress: options.publishAddress }),
    clock,
    random,
    log,
  };
}

/** What this node knows better than its engine. */
function descriptionOf(options: DaemonOptions, { certificate, rootPem }: Credentials): DescriptionOverrides {
  return {
    hostname: options.hostname,
    engineLabels: { [versionLabel]: version },
    tlsInfo: {
      trustRoot: Buffer.from(rootPem),
      certIssuerSubject: certificate.issuerSubjectDer,
      certIssuerPublicKey: certificate.issuerPublicKeyDer,
    },
    ...(options.offerCpus === undefined ? {} : { nanoCpus: Math.floor(options.offerCpus * 1e9) }),
    ...(options.offerMemory === undefined ? {} : { memoryBytes: options.offerMemory }),
    ...(options.genericResources === undefined ? {} : { genericResources: options.genericResources }),
  };
}
