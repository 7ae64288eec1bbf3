import { type Clock, type Duration, deadlineExceeded, deferred } from "@mswarm/runtime";
import type { RaftId } from "../core/messages.ts";
import type { RaftStatus } from "../core/status.ts";
import type { LeadershipFeed } from "./leadership.ts";

/** The follower that can take over soonest: reachable, and with the longest log. */
export function bestSuccessor(status: RaftStatus, reachable: (raftId: RaftId) => boolean): RaftId | undefined {
  let best: { id: RaftId; match: number } | undefined;
  for (const [id, { match }] of status.progress) {
    if (reachable(id) && (best === undefined || match > best.match)) best = { id, match };
  }
  return best?.id;
}

/** Resolves when `term` is over. Errors: DEADLINE_EXCEEDED after `within`. */
export async function termOver(
  feed: LeadershipFeed,
  term: number,
  bound: { clock: Clock; within: Duration },
): Promise<void> {
  const over = deferred();
  const check = (): void => {
    if (feed.current.term !== term) over.resolve();
  };
  const timer = bound.clock.timer(bound.within, () =>
    over.reject(deadlineExceeded("raft: the other manager did not take over leadership in time")),
  );
  const unsubscribe = feed.subscribe(check);
  check();
  try {
    await over.promise;
  } finally {
    timer.cancel();
    unsubscribe();
  }
}
