import type { RaftMessage } from "@mswarm/raft";
import { Wakeup } from "@mswarm/runtime";
import { sizeOfMessage } from "./raft-message-codec.ts";

/** Source: swarmkit manager/state/raft/transport (wire reference 5.1). */
const messagesMax = 4_096;
/** Of all waiting messages, so that a peer that does not read cannot fill the memory. */
const bytesMax = 67_108_864;
/** Of one batch: far below the 4 MiB that a server takes, and at least one message. */
const batchBytesMax = 1_048_576;

/** Messages on their way to one peer, in order, bounded in number and bytes. */
export class OutgoingQueue {
  #messages: RaftMessage[] = [];
  #bytes = 0;
  readonly #wakeup = new Wakeup();

  get isEmpty(): boolean {
    return this.#messages.length === 0;
  }

  /** False when there is no room; the message is then not taken. */
  push(message: RaftMessage): boolean {
    const size = sizeOfMessage(message);
    if (this.#messages.length >= messagesMax || this.#bytes + size > bytesMax) return false;
    this.#messages.push(message);
    this.#bytes += size;
    this.#wakeup.notify();
    return true;
  }

  /** Everything that waits, out of the queue. */
  clear(): readonly RaftMessage[] {
    const messages = this.#messages;
    this.#messages = [];
    this.#bytes = 0;
    return messages;
  }

  /** The next message, when there is one. Rejects with the signal's reason. */
  async one(signal: AbortSignal): Promise<RaftMessage> {
    for (;;) {
      const [first] = this.#take(1);
      if (first !== undefined) return first;
      await this.#wakeup.wait(signal);
    }
  }

  /** As many messages as one batch may carry, at least one. Rejects with the signal's reason. */
  async batch(signal: AbortSignal): Promise<readonly RaftMessage[]> {
    for (;;) {
      const batch = this.#take(messagesMax);
      if (batch.length > 0) return batch;
      await this.#wakeup.wait(signal);
    }
  }

  #take(countMax: number): readonly RaftMessage[] {
    let count = 0;
    let bytes = 0;
    for (const message of this.#messages) {
      const size = sizeOfMessage(message);
      if (count >= countMax || (count > 0 && bytes + size > batchBytesMax)) break;
      count += 1;
      bytes += size;
    }
    this.#bytes -= bytes;
    return this.#messages.splice(0, count);
  }
}
