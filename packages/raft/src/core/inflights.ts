import { invariant } from "@mswarm/runtime";

/** A window of appends on their way to one follower, each known by the last index it carries; oldest first. */
export class Inflights {
  readonly #capacity: number;
  #lastIndexes: number[] = [];
  #head = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get count(): number {
    return this.#lastIndexes.length - this.#head;
  }

  get isFull(): boolean {
    return this.count >= this.#capacity;
  }

  add(lastIndex: number): void {
    invariant(!this.isFull, "raft: too many appends in flight");
    this.#lastIndexes.push(lastIndex);
  }

  /** The follower has everything up to `index`: appends up to there have landed. */
  freeTo(index: number): void {
    while (this.#head < this.#lastIndexes.length && (this.#lastIndexes[this.#head] ?? index) <= index) this.#head += 1;
    if (this.#head >= this.#capacity || this.#head === this.#lastIndexes.length) {
      this.#lastIndexes = this.#lastIndexes.slice(this.#head);
      this.#head = 0;
    }
  }

  clear(): void {
    this.#lastIndexes = [];
    this.#head = 0;
  }
}
