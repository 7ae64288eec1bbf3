import { unavailable } from "@mswarm/runtime";
import type { Snapshot } from "../../core/messages.ts";
import type { Persist } from "../../core/ready.ts";
import type { LogStore, RecoveredLog, StoredIdentity } from "../log-store.ts";

/** Which write fails, counted from 1, and whether it reached the disk nevertheless, as a write may before a crash. */
export interface WriteFault {
  readonly write: number;
  readonly reachesDisk: boolean;
}

/** A log store whose n-th write fails, and every one after it: a crash point for tests. */
export class FaultyLogStore implements LogStore {
  readonly #store: LogStore;
  readonly #fault: WriteFault;
  #writes = 0;

  constructor(store: LogStore, fault: WriteFault) {
    this.#store = store;
    this.#fault = fault;
  }

  /** True when the fault was met. */
  get hasFailed(): boolean {
    return this.#writes >= this.#fault.write;
  }

  async #write(work: () => Promise<void>): Promise<void> {
    this.#writes += 1;
    const { write, reachesDisk } = this.#fault;
    if (this.#writes < write) return work();
    if (this.#writes === write && reachesDisk) await work();
    throw unavailable(`write ${this.#writes} failed on purpose`);
  }

  load(): Promise<RecoveredLog> {
    return this.#store.load();
  }

  saveIdentity(identity: StoredIdentity): Promise<void> {
    return this.#write(() => this.#store.saveIdentity(identity));
  }

  append(batch: Persist): Promise<void> {
    return this.#write(() => this.#store.append(batch));
  }

  saveSnapshot(snapshot: Snapshot): Promise<void> {
    return this.#write(() => this.#store.saveSnapshot(snapshot));
  }

  readSnapshot(): Promise<Snapshot | undefined> {
    return this.#store.readSnapshot();
  }

  compact(index: number): Promise<void> {
    return this.#write(() => this.#store.compact(index));
  }

  rekey(): Promise<void> {
    return this.#write(() => this.#store.rekey());
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}
