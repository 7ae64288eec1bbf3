/** Remembers the values used last; the one that was not used for longest makes room. */
export class BoundedCache<V> {
  readonly #max: number;
  // In the order of use, because a Map keeps the order of insertion.
  readonly #values = new Map<string, V>();

  constructor(max: number) {
    this.#max = max;
  }

  /** The value of `key`, made by `make` when it is not here. A failure is passed on and not remembered. */
  get(key: string, make: () => V): V {
    const known = this.#values.get(key);
    if (known !== undefined) {
      this.#values.delete(key);
      this.#values.set(key, known);
      return known;
    }
    const made = make();
    this.#values.set(key, made);
    for (const oldest of this.#values.keys()) {
      if (this.#values.size <= this.#max) break;
      this.#values.delete(oldest);
    }
    return made;
  }
}
