import type { Proposer } from "../proposer.ts";
import type { Store } from "../store.ts";

/** A proposer that commits at once. Indexes begin after the store's version, as after a restart. */
export function immediateProposer(store: Pick<Store, "applyEntry" | "version">): Proposer {
  let nextIndex = store.version + 1;
  return {
    get nextIndex() {
      return nextIndex;
    },
    propose: (entries) =>
      entries.map(async (entry) => {
        nextIndex += 1;
        store.applyEntry(entry);
      }),
  };
}

/** A proposer that holds entries until it is told what becomes of them. */
export interface HeldProposer extends Proposer {
  /** Entries that nobody has decided about, oldest first. */
  readonly held: readonly Buffer[];
  /** The size of each group that was proposed. */
  readonly groups: readonly number[];
  /** Commits the oldest `count` entries; all where absent. */
  commit(count?: number): void;
  /** Refuses the oldest held entry. */
  refuse(error: Error): void;
}

export function heldProposer(store: Pick<Store, "applyEntry" | "version">): HeldProposer {
  const waiting: { entry: Buffer; resolve: () => void; reject: (error: Error) => void }[] = [];
  const groups: number[] = [];
  let nextIndex = store.version + 1;
  return {
    groups,
    get nextIndex() {
      return nextIndex;
    },
    get held() {
      return waiting.map(({ entry }) => entry);
    },
    propose: (entries) => {
      groups.push(entries.length);
      nextIndex += entries.length;
      return entries.map((entry) => new Promise<void>((resolve, reject) => waiting.push({ entry, resolve, reject })));
    },
    commit: (count = waiting.length) => {
      for (const { entry, resolve } of waiting.splice(0, count)) {
        store.applyEntry(entry);
        resolve();
      }
    },
    refuse: (error) => waiting.shift()?.reject(error),
  };
}
