// Messages that are only partly here lie in memory until the rest comes, if ever: each peer has so many bytes for them.

/** Counts bytes by peer, for the connections that share a count. */
export class PendingBytes {
  readonly #held = new Map<string, number>();

  /** Bytes of one call of a peer that may hold `most` bytes in all its calls. */
  open(key: string, most: number): PendingMessage {
    let own = 0;
    let isOver = false;
    const change = (bytes: number): void => {
      own += bytes;
      const held = (this.#held.get(key) ?? 0) + bytes;
      if (held > 0) this.#held.set(key, held);
      else this.#held.delete(key);
    };
    return {
      add: (bytes) => {
        if (isOver) return true;
        change(bytes);
        return (this.#held.get(key) ?? 0) <= most;
      },
      clear: () => {
        if (own > 0) change(-own);
      },
      close: () => {
        isOver = true;
        if (own > 0) change(-own);
      },
    };
  }

  /** How many peers hold something. */
  get size(): number {
    return this.#held.size;
  }
}

export interface PendingMessage {
  /** More of the message has arrived; false when its peer holds too much. */
  add(bytes: number): boolean;
  /** The message is complete. */
  clear(): void;
  /** The call is over: what still comes is thrown away, and not counted. */
  close(): void;
}
