import type { Entry } from "../core/messages.ts";
import { digestAfter } from "./safety.ts";

/** The smallest state machine that notices any difference in what was applied: a running digest. */
export class DigestMachine {
  #index = 0;
  #digest = 0;

  get index(): number {
    return this.#index;
  }
  get digest(): number {
    return this.#digest;
  }

  apply(entry: Entry): void {
    this.#index = entry.index;
    this.#digest = digestAfter(this.#digest, entry);
  }

  snapshot(): Buffer {
    return Buffer.from(`${this.#index} ${this.#digest}`);
  }

  restore(data: Buffer): void {
    const [index, digest] = data.toString("latin1").split(" ");
    this.#index = Number(index);
    this.#digest = Number(digest);
  }
}
