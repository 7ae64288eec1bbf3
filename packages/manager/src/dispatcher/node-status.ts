// What the dispatcher writes into Node objects. One transaction each; nobody else writes `status` and `description`.
import { isDeepStrictEqual } from "node:util";
import { resourceExhausted, unknownError } from "@mswarm/runtime";
import { nodes, type Store, type WriteTransaction } from "@mswarm/store";
import { codecOf, type Node, type NodeDescription, type NodeStatus } from "@mswarm/wire";

/** The object is replicated, and sent to the node at every change: a node must not be able to make it large. */
const descriptionBytesMax = 131_072;

const descriptionCodec = codecOf<NodeDescription>("docker.swarmkit.v1.NodeDescription");

/** Source: swarmkit manager/dispatcher/dispatcher.go, markNodesUnknown. */
const leaderChanged = `Node moved to "unknown" state due to leadership change in cluster`;

/** What a node says about itself when it opens a session. */
export interface Registration {
  readonly nodeId: string;
  /** IP address that the call came from. */
  readonly address: string;
  readonly description: NodeDescription | undefined;
}

/** True when `markReady` would write. */
export function isNews(store: Store, { nodeId, address, description }: Registration): boolean {
  const node = store.view((tx) => tx.get(nodes, nodeId));
  if (node === undefined) return false;
  const isKnown = description === undefined || isDeepStrictEqual(description, node.description);
  return !isKnown || !isSameStatus(node.status, { state: "READY", addr: address });
}

/**
 * The node is there: READY, with its address and description. Writes nothing when nothing changed.
 * Errors: UNKNOWN `node not found`; RESOURCE_EXHAUSTED for a description beyond 128 KiB.
 */
export async function markReady(store: Store, registration: Registration): Promise<void> {
  const { nodeId, address, description } = registration;
  await store.update((tx) => {
    const node = tx.get(nodes, nodeId);
    if (node === undefined) throw unknownError("node not found");
    const status: NodeStatus = { state: "READY", addr: address };
    const isKnown = description === undefined || isDeepStrictEqual(description, node.description);
    if (!isKnown && descriptionCodec.encode(description).length > descriptionBytesMax) {
      throw resourceExhausted(`the description of node ${nodeId} is larger than ${descriptionBytesMax} bytes`);
    }
    if (isKnown && isSameStatus(node.status, status)) return;
    tx.update(nodes, { ...node, status, ...(description === undefined ? {} : { description }) });
  });
}

/** Marks the nodes DOWN with a message, except those that `isBack` says have registered meanwhile. */
export async function markDown(
  store: Store,
  nodeIds: readonly string[],
  options: { readonly message: string; readonly isBack: (nodeId: string) => boolean },
): Promise<void> {
  await store.batch(nodeIds, (tx, nodeId) => {
    if (!options.isBack(nodeId)) setStatus(tx, tx.get(nodes, nodeId), { state: "DOWN", message: options.message });
  });
}

/** Marks every node UNKNOWN that is not DOWN; returns the ids of the nodes in that state. For a new leader. */
export async function markUnknown(store: Store): Promise<readonly string[]> {
  const isUp = (node: Node): boolean => node.status?.state !== "DOWN";
  const up = store.view((tx) => [...tx.all(nodes)].filter(isUp).map((node) => node.id ?? ""));
  const marked: string[] = [];
  await store.batch(up, (tx, nodeId) => {
    const node = tx.get(nodes, nodeId);
    if (node === undefined || !isUp(node)) return;
    setStatus(tx, node, { state: "UNKNOWN", message: leaderChanged });
    marked.push(nodeId);
  });
  return marked;
}

/** Replaces state and message; the last known address stays. */
function setStatus(tx: WriteTransaction, node: Node | undefined, change: NodeStatus): void {
  if (node === undefined) return;
  const status: NodeStatus = { ...change, ...(node.status?.addr === undefined ? {} : { addr: node.status.addr }) };
  if (!isSameStatus(node.status, status)) tx.update(nodes, { ...node, status });
}

function isSameStatus(a: NodeStatus | undefined, b: NodeStatus): boolean {
  return (
    (a?.state ?? "UNKNOWN") === (b.state ?? "UNKNOWN") &&
    (a?.message ?? "") === (b.message ?? "") &&
    (a?.addr ?? "") === (b.addr ?? "")
  );
}
