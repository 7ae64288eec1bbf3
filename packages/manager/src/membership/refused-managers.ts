// Docker Engines that were refused as managers. By then each has a record and a manager's certificate, and the engine, which
// forgets both when it hears the refusal, comes back as another node if at all: the cluster forgets them too.
import { type Clock, type Duration, type Logger, milliseconds, seconds, Wakeup, whenAborted } from "@mswarm/runtime";
import { nodes, type Store } from "@mswarm/store";
import type { Node } from "@mswarm/wire";
import { forgetNode } from "../objects/forgotten-nodes.ts";
import { isMswarmNode } from "./mswarm-node.ts";
import type { RaftGroup } from "./raft-group.ts";

/** The refusal has to arrive first: a node that is forgotten is cut off at once, with another sentence. */
const answerGrace = seconds(3);

export interface RefusedManagerParts {
  readonly store: Store;
  readonly raft: Pick<RaftGroup, "members">;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Whom this leader has refused. What it cannot see to any more, `runUnfinishedJoins` does a day later. */
export class RefusedManagers {
  readonly #clock: Clock;
  /** When each was refused last, by the monotonic clock. */
  readonly #refused = new Map<string, Duration>();
  readonly #wakeup = new Wakeup();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Called before the refusal is answered. */
  add(nodeId: string): void {
    this.#refused.set(nodeId, this.#clock.monotonic());
    this.#wakeup.notify();
  }

  /** Forgets each some seconds after its refusal, and refuses its certificate from then on. Leader only. */
  async run({ store, raft, clock, log }: RefusedManagerParts, signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) {
        const [nodeId, since] = this.#refused.entries().next().value ?? [];
        if (nodeId === undefined || since === undefined) {
          await this.#wakeup.wait(signal);
          continue;
        }
        const left = since + answerGrace - clock.monotonic();
        if (left > 0) {
          await clock.sleep(milliseconds(left), signal);
          continue;
        }
        this.#refused.delete(nodeId);
        const isForgotten = await store.update((tx) => {
          const node = tx.get(nodes, nodeId);
          if (node === undefined || !isRefusedManager(node, raft)) return false;
          forgetNode(tx, node, clock.now());
          return true;
        });
        if (isForgotten) log.info({ node: nodeId }, "forgot a Docker Engine that was refused as a manager");
      }
    } catch (error) {
      if (!signal.aborted && store.isLeading) throw error;
      // A write that was refused because leadership is over: the signal is on its way.
      await whenAborted(signal);
    }
  }
}

/** It was given a manager's certificate, is no manager, and has never said that it runs mswarm. */
export function isRefusedManager(node: Node, raft: Pick<RaftGroup, "members">): boolean {
  return node.role === "MANAGER" && !isMswarmNode(node) && raft.members().every(({ nodeId }) => nodeId !== node.id);
}
