// state.json (known managers, in swarm's form) and daemon.json (addresses of this node).
import { readFile } from "node:fs/promises";
import { dataLoss, messageOf } from "@mswarm/runtime";
import type { RemotePeer } from "@mswarm/worker";
import { writeFileAtomically } from "./atomic-file.ts";

/** What init or join fixed for this node, kept over restarts. */
export interface NodeSettings {
  /** host:port this node's manager listens on. */
  readonly listenAddress: string;
  /** host:port other nodes dial. */
  readonly advertiseAddress: string;
  /** True from the start of a join until the node is a working member: a restart then asks to join again. */
  readonly isJoining: boolean;
}

async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw dataLoss(`${path} is damaged: ${messageOf(error)}; restore it, or remove the state directory and join again`);
  }
}

export async function loadSettings(path: string): Promise<NodeSettings | undefined> {
  const json = (await readJson(path)) as Partial<NodeSettings> | undefined;
  if (json === undefined) return undefined;
  const { listenAddress, advertiseAddress, isJoining } = json;
  if (typeof listenAddress !== "string" || typeof advertiseAddress !== "string") {
    throw dataLoss(`${path} is damaged: addresses are missing; remove the state directory and join again`);
  }
  return { listenAddress, advertiseAddress, isJoining: isJoining === true };
}

export async function saveSettings(path: string, settings: NodeSettings): Promise<void> {
  await writeFileAtomically(path, `${JSON.stringify(settings, undefined, 2)}\n`, 0o600);
}

/** Source: swarmkit node/node.go, persistentRemotes: a list of {node_id, addr}. */
export async function loadRemotes(path: string): Promise<readonly RemotePeer[]> {
  const json = (await readJson(path)) ?? [];
  if (!Array.isArray(json)) throw dataLoss(`${path} is damaged: a list was expected; remove it and join again`);
  return json.flatMap((entry: { node_id?: unknown; addr?: unknown }) =>
    typeof entry?.addr === "string" && entry.addr !== ""
      ? [{ nodeId: String(entry.node_id ?? ""), address: entry.addr }]
      : [],
  );
}

export async function saveRemotes(path: string, remotes: readonly RemotePeer[]): Promise<void> {
  const json = remotes.map(({ nodeId, address }) => ({ node_id: nodeId, addr: address }));
  await writeFileAtomically(path, `${JSON.stringify(json)}\n`, 0o600);
}
