// A whole cluster on this machine: one daemon for each node on its own loopback address, one shared engine.
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { type Channel, openUnixChannel } from "@mswarm/rpc";
import {
  type Clock,
  dataLoss,
  failedPrecondition,
  isSwarmError,
  messageOf,
  notFound,
  seconds,
  unavailable,
} from "@mswarm/runtime";
import type { mswarm } from "@mswarm/wire";
import {
  checkLab,
  type LabNode,
  type LabRecord,
  type LabRoots,
  labDirectory,
  labNodes,
  labRuntimeDirectory,
  recordPath,
} from "./layout.ts";
import { daemonPid, startDaemon, stopDaemon, until } from "./processes.ts";

export interface LabParts {
  readonly roots: LabRoots;
  readonly clock: Clock;
  /** Progress for a person, one line each. */
  readonly say: (line: string) => void;
}

export interface Lab {
  readonly record: LabRecord;
  readonly nodes: readonly LabNode[];
}

/** Runs `use` on a channel to a daemon's control socket and closes it. */
export async function withDaemon<R>(node: LabNode, clock: Clock, use: (channel: Channel) => Promise<R>): Promise<R> {
  const channel = openUnixChannel(node.controlPath, { clock });
  try {
    return await use(channel);
  } finally {
    channel.close();
  }
}

export async function statusOf(node: LabNode, clock: Clock): Promise<mswarm.StatusResponse | undefined> {
  try {
    return await withDaemon(node, clock, (channel) =>
      channel.client("mswarm.v1.Daemon").Status({}, { timeout: seconds(2) }),
    );
  } catch (error) {
    if (isSwarmError(error)) return undefined;
    throw error;
  }
}

/** The lab of that name. Errors: NOT_FOUND. */
export async function openLab(name: string, roots: LabRoots): Promise<Lab> {
  let text: string;
  try {
    text = await readFile(recordPath(roots, name), "utf8");
  } catch {
    throw notFound(`there is no lab "${name}" on this machine; start it with: mswarm lab up`);
  }
  const record = parseRecord(text);
  if (record === undefined) {
    throw dataLoss(
      `${recordPath(roots, name)} is damaged; stop the lab's daemons and delete ${labDirectory(roots, name)}`,
    );
  }
  return { record, nodes: labNodes(roots, record) };
}

/** Errors: DATA_LOSS for a lab whose record is damaged. */
export async function labExists(name: string, roots: LabRoots): Promise<boolean> {
  try {
    await openLab(name, roots);
    return true;
  } catch (error) {
    if (isSwarmError(error, "NOT_FOUND")) return false;
    throw error;
  }
}

/** True when an address of that subnet can be listened on, that is, no other lab or daemon has it. */
function subnetIsFree(subnet: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(2377, `127.0.${subnet}.11`, () => probe.close(() => resolve(true)));
  });
}

async function chooseSubnet(roots: LabRoots): Promise<number> {
  const others = await readdir(roots.state).catch(() => []);
  const taken = new Set<number>();
  for (const name of others) {
    // What cannot be read is passed over; whether it still runs shows below.
    const other = await openLab(name, roots).catch(() => undefined);
    if (other !== undefined) taken.add(other.record.subnet);
  }
  for (let subnet = 0; subnet < 256; subnet += 1) {
    if (!taken.has(subnet) && (await subnetIsFree(subnet))) return subnet;
  }
  throw failedPrecondition("port 2377 is taken on every loopback network; stop another lab first (mswarm lab down)");
}

async function startMissing(lab: Lab, parts: LabParts): Promise<void> {
  await Promise.all(
    lab.nodes.map(async (node) => {
      if ((await daemonPid(node)) === undefined) await startDaemon(node, lab.record);
      const answers = async (): Promise<boolean> => {
        if ((await statusOf(node, parts.clock)) !== undefined) return true;
        if ((await daemonPid(node)) !== undefined) return false;
        throw unavailable(`the daemon of ${node.name} has stopped; its log: ${node.logPath}`);
      };
      await until(answers, {
        clock: parts.clock,
        within: seconds(20),
        complaint: () => `the daemon of ${node.name} does not answer; its log: ${node.logPath}`,
      });
    }),
  );
}

async function joinTokens(manager: LabNode, clock: Clock): Promise<{ manager: string; worker: string }> {
  return withDaemon(manager, clock, async (channel) => {
    const { clusters = [] } = await channel
      .client("docker.swarmkit.v1.Control")
      .ListClusters({}, { timeout: seconds(20) });
    const tokens = clusters[0]?.rootCa?.joinTokens;
    return { manager: tokens?.manager ?? "", worker: tokens?.worker ?? "" };
  });
}

async function formCluster(lab: Lab, parts: LabParts): Promise<void> {
  const [first, ...others] = lab.nodes;
  if (first === undefined) return;
  const { clock } = parts;
  const isMember = async (node: LabNode): Promise<boolean> =>
    ((await statusOf(node, clock))?.state ?? "INACTIVE") !== "INACTIVE";
  if (!(await isMember(first))) {
    await withDaemon(first, clock, (channel) =>
      channel
        .client("mswarm.v1.Daemon")
        .Init(
          { listenAddr: `${first.address}:2377`, advertiseAddr: `${first.address}:2377` },
          { timeout: seconds(60) },
        ),
    );
  }
  const tokens = await joinTokens(first, clock);
  await Promise.all(
    others.map(async (node) => {
      if (await isMember(node)) return;
      await withDaemon(node, clock, (channel) =>
        channel.client("mswarm.v1.Daemon").Join(
          {
            listenAddr: `${node.address}:2377`,
            advertiseAddr: `${node.address}:2377`,
            joinToken: node.isManager ? tokens.manager : tokens.worker,
            remoteAddrs: [`${first.address}:2377`],
          },
          { timeout: seconds(60) },
        ),
      );
    }),
  );
}

/** Every node does its work; one that cannot says why. */
async function allActive(lab: Lab, { clock }: LabParts): Promise<void> {
  await Promise.all(
    lab.nodes.map(async (node) => {
      let reason = "it does not answer";
      const isActive = async (): Promise<boolean> => {
        const { state = "INACTIVE", error = state.toLowerCase() } = (await statusOf(node, clock)) ?? {};
        reason = error;
        return state === "ACTIVE";
      };
      await until(isActive, { clock, within: seconds(60), complaint: () => `${node.name} is not active: ${reason}` });
    }),
  );
}

/**
 * Starts a lab, or starts again what of it does not run. Returns when every node is a working member of the cluster.
 */
export async function labUp(
  options: { name: string; managers: number; workers: number; engine: string },
  parts: LabParts,
): Promise<Lab> {
  checkLab(options);
  const { roots } = parts;
  let lab: Lab;
  if (await labExists(options.name, roots)) {
    lab = await openLab(options.name, roots);
    if (lab.record.managers !== options.managers || lab.record.workers !== options.workers) {
      throw failedPrecondition(
        `the lab "${options.name}" exists with ${lab.record.managers} managers and ${lab.record.workers} workers; take it down first: mswarm lab down --name ${options.name}`,
      );
    }
  } else {
    const record: LabRecord = { ...options, subnet: await chooseSubnet(roots) };
    await mkdir(labDirectory(roots, record.name), { recursive: true, mode: 0o700 });
    await writeRecord(recordPath(roots, record.name), record);
    lab = { record, nodes: labNodes(roots, record) };
  }
  await startMissing(lab, parts);
  await formCluster(lab, parts);
  await allActive(lab, parts);
  return lab;
}

function parseRecord(text: string): LabRecord | undefined {
  try {
    const record = JSON.parse(text) as LabRecord;
    checkLab(record);
    return Number.isInteger(record.subnet) && typeof record.engine === "string" ? record : undefined;
  } catch {
    return undefined;
  }
}

async function writeRecord(path: string, record: LabRecord): Promise<void> {
  try {
    await writeFile(path, `${JSON.stringify(record, undefined, 2)}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    throw failedPrecondition(`the lab "${record.name}" is being started by somebody else: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Stops a lab and deletes everything it left: processes, containers (also after a crash), mounts, state. */
export async function labDown(name: string, parts: LabParts): Promise<void> {
  const lab = await openLab(name, parts.roots);
  // Everything goes, so nothing has to be handed over: a gentle stop would only wait for a quorum that is leaving too.
  await Promise.all(lab.nodes.map((node) => stopDaemon(node, "SIGKILL", parts.clock)));
  try {
    const controlPaths = lab.nodes.map((node) => node.controlPath);
    // Loaded here and in the demo: every command would pay for the engine's client otherwise.
    const { cleanUpLab } = await import("@mswarm/node/offline");
    await cleanUpLab({ engine: lab.record.engine, lab: name, controlPaths });
  } catch (error) {
    throw unavailable(
      `the daemons of the lab "${name}" are stopped, but its containers could not be removed: ${messageOf(error)}; try again when the engine answers`,
      { cause: error },
    );
  }
  await rm(labRuntimeDirectory(parts.roots, name), { recursive: true, force: true });
  await rm(join(labDirectory(parts.roots, name)), { recursive: true, force: true });
}
