// Makes each node's role what its spec wants, and keeps the Raft group in step. Leader only (wire 3.7).
import {
  type Clock,
  deadlineExceeded,
  isSwarmError,
  type Logger,
  messageOf,
  seconds,
  Wakeup,
  whenAborted,
} from "@mswarm/runtime";
import { changesOf, nodes, type Store } from "@mswarm/store";
import type { Node, NodeRole } from "@mswarm/wire";
import type { RaftGroup } from "./raft-group.ts";

// Source: swarmkit manager/role_manager.go.
const retryInterval = seconds(5);
const removalTimeout = seconds(5);

export interface RoleManagerParts {
  readonly store: Store;
  readonly raft: RaftGroup;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Runs until the signal aborts. What cannot be done now, for instance because the quorum would be lost, is tried again
 * every 5 s, and when a node changes.
 */
export async function runRoleManager(parts: RoleManagerParts, signal: AbortSignal): Promise<void> {
  const { store, clock } = parts;
  const wakeup = new Wakeup();
  const unsettled = new Set<string>();
  const see = (node: Node): void => {
    if (wantedRole(node) === currentRole(node)) return;
    unsettled.add(node.id ?? "");
    wakeup.notify();
  };
  const endWatch = store.watch(
    (changes) => {
      for (const { kind, object } of changesOf(changes, nodes)) {
        if (kind === "remove") wakeup.notify();
        else see(object);
      }
    },
    [nodes],
  );
  try {
    store.view((tx) => {
      for (const node of tx.all(nodes)) see(node);
    });
    while (!signal.aborted) {
      let isLeft = await evictStrangers(parts);
      for (const nodeId of [...unsettled]) {
        if (signal.aborted) return;
        if (await settleRole(nodeId, parts)) unsettled.delete(nodeId);
        else isLeft = true;
      }
      const timer = isLeft ? clock.timer(retryInterval, () => wakeup.notify()) : undefined;
      await wakeup.wait(signal).finally(() => timer?.cancel());
    }
  } catch (error) {
    if (!signal.aborted && store.isLeading) throw error;
    // A write that was refused because leadership is over: the signal is on its way.
    await whenAborted(signal);
  } finally {
    endWatch();
  }
}

const wantedRole = (node: Node): NodeRole => node.spec?.desiredRole ?? "WORKER";
const currentRole = (node: Node): NodeRole => node.role ?? "WORKER";

/** Removes members whose node object is gone. True when something is left to do. */
async function evictStrangers(parts: RoleManagerParts): Promise<boolean> {
  const { store, raft } = parts;
  const strangers = raft
    .members()
    .filter(({ nodeId, raftId }) => raftId !== raft.raftId && store.view((tx) => tx.get(nodes, nodeId)) === undefined);
  let isLeft = false;
  for (const { raftId, nodeId } of strangers) isLeft = !(await removeMember(raftId, nodeId, parts)) || isLeft;
  return isLeft;
}

/** True when the node has the role it should have. */
async function settleRole(nodeId: string, parts: RoleManagerParts): Promise<boolean> {
  const { store, raft, log } = parts;
  const node = store.view((tx) => tx.get(nodes, nodeId));
  if (node === undefined || wantedRole(node) === currentRole(node)) return true;
  const wanted = wantedRole(node);
  if (wanted === "WORKER") {
    // First out of Raft, then out of the role: a worker must never be left with a vote.
    const member = raft.members().find((each) => each.nodeId === nodeId);
    if (member?.raftId === raft.raftId) {
      // This manager itself: the next leader does the rest.
      log.info({ node: nodeId }, "this manager is to be demoted: handing over leadership");
      await Promise.resolve(raft.transferLeadership()).catch((error: unknown) => {
        log.warn({ reason: messageOf(error) }, "leadership could not be handed over");
      });
      return false;
    }
    if (member !== undefined && !(await removeMember(member.raftId, nodeId, parts))) return false;
  }
  return store.update((tx) => {
    const now = tx.get(nodes, nodeId);
    if (now === undefined || wantedRole(now) === currentRole(now)) return true;
    if (wantedRole(now) !== wanted) return false;
    tx.update(nodes, { ...now, role: wanted });
    return true;
  });
}

/** True when the member is out. */
async function removeMember(raftId: string, nodeId: string, { raft, clock, log }: RoleManagerParts): Promise<boolean> {
  if (!raft.canRemove(raftId)) {
    log.warn({ node: nodeId, raftId }, "a manager cannot be removed now: the quorum could be lost");
    return false;
  }
  const over = new AbortController();
  try {
    const late = clock.sleep(removalTimeout, over.signal).then(() => {
      throw deadlineExceeded("the removal was not committed in time");
    });
    await Promise.race([raft.removeMember(raftId), late]);
    log.info({ node: nodeId, raftId }, "removed a manager from Raft");
    return true;
  } catch (error) {
    if (!isSwarmError(error)) throw error;
    log.warn({ node: nodeId, raftId, reason: error.message }, "a manager could not be removed from Raft");
    return false;
  } finally {
    over.abort();
  }
}
