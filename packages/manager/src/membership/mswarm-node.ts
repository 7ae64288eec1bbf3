import type { Node } from "@mswarm/wire";

/**
 * The engine label by which a node says in its description that it runs mswarm, with its version as the value. The
 * description is replicated, so that every leader knows it, and shows in `docker node inspect`.
 */
export const versionLabel = "mswarm.version";

/** True when the node has said that it runs mswarm. A node that has never connected has said nothing. */
export const isMswarmNode = (node: Node): boolean =>
  Object.hasOwn(node.description?.engine?.labels ?? {}, versionLabel);
