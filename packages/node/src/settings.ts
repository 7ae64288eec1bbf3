// state.json (known managers, in swarm's form) and daemon.json (addresses and phase of this node).
import { readFile } from "node:fs/promises";
import { type FileSystem, nodeFileSystem, writeAtomically } from "@mswarm/pki";
import { dataLoss, messageOf } from "@mswarm/runtime";
import type { RemotePeer } from "@mswarm/worker";

/**
 * How far this node has come. It tells a start after a crash whether what it finds is a member's state or the half of one.
 *
 * - `initialising`: an init has begun; its cluster has not been ready yet, so nobody has been told of it
 * - `joining`: a join has begun; with a certificate on disk the cluster knows the node, and it goes on becoming a member
 * - `member`: everything is there
 */
export type Phase = "initialising" | "joining" | "member";

const phases: readonly Phase[] = ["initialising", "joining", "member"];

/** What init or join fixed for this node, kept over restarts. */
export interface NodeSettings {
  /** host:port this node's manager listens on. */
  readonly listenAddress: string;
  /** host:port other nodes dial. */
  readonly advertiseAddress: string;
  /** What was asked for as that address: an interface's may change from start to start. "" when nothing was. */
  readonly advertise: string;
  readonly phase: Phase;
}

async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw dataLoss(`${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw dataLoss(`${path} is damaged: ${messageOf(error)}`, { cause: error });
  }
}

/** Undefined where the file is missing. Errors: DATA_LOSS for one that cannot be read or understood. */
export async function loadSettings(path: string): Promise<NodeSettings | undefined> {
  const json = await readJson(path);
  if (json === undefined) return undefined;
  const fields: Partial<Record<keyof NodeSettings, unknown>> = typeof json === "object" && json !== null ? json : {};
  const { listenAddress, advertiseAddress, advertise = advertiseAddress } = fields;
  const phase = phases.find((known) => known === fields.phase);
  if (typeof listenAddress !== "string" || typeof advertiseAddress !== "string" || typeof advertise !== "string") {
    throw dataLoss(`${path} is damaged: addresses are missing`);
  }
  if (phase === undefined) throw dataLoss(`${path} is damaged: it names no known phase`);
  return { listenAddress, advertiseAddress, advertise, phase };
}

/** Writes of one file must not overlap. @param files  the disk; tests give one that fails */
export async function saveSettings(path: string, settings: NodeSettings, files?: FileSystem): Promise<void> {
  await writeAtomically(files ?? nodeFileSystem(), path, `${JSON.stringify(settings, undefined, 2)}\n`, 0o600);
}

/** Source: swarmkit node/node.go, persistentRemotes: a list of {node_id, addr}. Errors: DATA_LOSS. */
export async function loadRemotes(path: string): Promise<readonly RemotePeer[]> {
  const json = (await readJson(path)) ?? [];
  if (!Array.isArray(json)) throw dataLoss(`${path} is damaged: a list was expected`);
  return json.flatMap((entry: { node_id?: unknown; addr?: unknown } | null) =>
    typeof entry?.addr === "string" && entry.addr !== ""
      ? [{ nodeId: String(entry.node_id ?? ""), address: entry.addr }]
      : [],
  );
}

/** As `saveSettings`. */
export async function saveRemotes(path: string, remotes: readonly RemotePeer[], files?: FileSystem): Promise<void> {
  const json = remotes.map(({ nodeId, address }) => ({ node_id: nodeId, addr: address }));
  await writeAtomically(files ?? nodeFileSystem(), path, `${JSON.stringify(json)}\n`, 0o600);
}
