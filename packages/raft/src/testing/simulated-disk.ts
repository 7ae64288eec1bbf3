// A disk that takes its time and loses what was not synced when its machine dies.
import type { Random } from "@mswarm/runtime";
import type { RecoveredState } from "../core/config.ts";
import type { Entry, HardState, Snapshot } from "../core/messages.ts";
import type { Persist } from "../core/ready.ts";

/** One atomic write: the duties of a ready, or a snapshot taken here with the index up to which entries may go. */
export type DiskWrite =
  | { readonly kind: "ready"; readonly persist: Persist }
  | { readonly kind: "snapshot"; readonly snapshot: Snapshot; readonly compactTo: number };

/** Ways in which a disk may lie, to show that the checker notices. */
export type DiskFault = "forgets-votes" | "loses-synced-writes";

export class SimulatedDisk {
  #hardState: HardState | undefined;
  #snapshot: Snapshot | undefined;
  #entries: readonly Entry[];
  #pending: DiskWrite | undefined;
  #beforeLast: RecoveredState;
  readonly #fault: DiskFault | undefined;

  constructor(initial: RecoveredState, fault?: DiskFault) {
    this.#hardState = initial.hardState;
    this.#snapshot = initial.snapshot;
    this.#entries = initial.entries;
    this.#beforeLast = initial;
    this.#fault = fault;
  }

  /** What a start would find. */
  load(): RecoveredState {
    return { hardState: this.#hardState, snapshot: this.#snapshot, entries: this.#entries };
  }

  /** Begins a write; one at a time. */
  begin(write: DiskWrite): void {
    this.#pending = write;
  }

  /** The write is on the platter. */
  sync(): void {
    this.#beforeLast = this.load();
    const write = this.#pending;
    this.#pending = undefined;
    if (write?.kind === "ready") this.#apply(write.persist);
    else if (write?.kind === "snapshot") this.#keep(write.snapshot, write.compactTo);
  }

  /** Power fails. A write that was not acknowledged may have reached the platter or not, as a whole. */
  crash(random: Random): void {
    if (this.#pending !== undefined && random.below(2) === 0) this.sync();
    this.#pending = undefined;
    if (this.#fault === "forgets-votes" && this.#hardState !== undefined) {
      this.#hardState = { ...this.#hardState, vote: "0" };
    }
    if (this.#fault === "loses-synced-writes") {
      const { hardState, snapshot, entries } = this.#beforeLast;
      this.#hardState = hardState;
      this.#snapshot = snapshot;
      this.#entries = entries;
    }
  }

  /** True when a crash right now would leave the entry, or a snapshot of it, behind. */
  holds(index: number, term: number): boolean {
    if (index <= (this.#snapshot?.meta.index ?? 0)) return true;
    const first = this.#entries[0];
    return first !== undefined && this.#entries[index - first.index]?.term === term;
  }

  #apply({ hardState, entries, snapshot }: Persist): void {
    if (hardState !== undefined) this.#hardState = hardState;
    if (snapshot !== undefined) {
      this.#snapshot = snapshot;
      this.#entries = [];
    }
    const first = entries[0];
    if (first !== undefined) {
      this.#entries = [...this.#entries.filter((entry) => entry.index < first.index), ...entries];
    }
  }

  #keep(snapshot: Snapshot, compactTo: number): void {
    this.#snapshot = snapshot;
    this.#entries = this.#entries.filter((entry) => entry.index > compactTo);
  }
}
