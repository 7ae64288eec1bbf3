import { aborted, invalidArgument, resourceExhausted } from "@mswarm/runtime";
import type { raftpb } from "@mswarm/wire";

/** Largest snapshot taken from a peer, in bytes. A cluster of 1,000 nodes and 30,000 tasks needs about a tenth of it. */
const snapshotBytesMax = 1_073_741_824;
/** A peer sends one message after another, and a snapshot beside them. */
const callsMax = 16;

/** Puts the chunks of one call together: each is the whole message with the next slice of the snapshot's data. */
export class ChunkedMessage {
  #first: raftpb.Message | undefined;
  #slices: Buffer[] = [];
  #bytes = 0;
  #isAbandoned = false;

  /** Errors: INVALID_ARGUMENT for chunks that do not belong together, RESOURCE_EXHAUSTED, ABORTED after `abandon`. */
  add(message: raftpb.Message): void {
    if (this.#isAbandoned) throw aborted("raft: replaced by a newer snapshot of the same manager");
    const first = this.#first;
    if (first === undefined) {
      this.#first = message;
    } else {
      if (message.type !== "MsgSnap") {
        throw invalidArgument("Raft message chunk is not of type MsgSnap");
      }
      if (message.index !== first.index) {
        throw invalidArgument(
          `Raft message chunk with index ${message.index ?? 0} is different from the previously received raft message index ${first.index ?? 0}`,
        );
      }
    }
    const slice = message.snapshot?.data;
    if (slice === undefined) return;
    this.#bytes += slice.length;
    if (this.#bytes > snapshotBytesMax) throw resourceExhausted("raft: the snapshot is too large");
    this.#slices.push(slice);
  }

  /** True when more than one message has to be put together. */
  get isLarge(): boolean {
    return this.#slices.length > 1;
  }

  /** Lets go of what is here; the rest is refused. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#slices = [];
  }

  /** Undefined when there was no chunk at all, or after `abandon`. */
  get whole(): raftpb.Message | undefined {
    const first = this.#first;
    if (this.#isAbandoned) return undefined;
    if (first === undefined || this.#slices.length < 2) return first;
    return { ...first, snapshot: { ...first.snapshot, data: Buffer.concat(this.#slices) } };
  }
}

/** The messages that are just arriving: a manager must not be able to pile them up here. */
export class ArrivingMessages {
  readonly #calls = new Map<string, number>();
  readonly #large = new Map<string, ChunkedMessage>();

  /** A call of a node begins. Errors: RESOURCE_EXHAUSTED when too many of its calls are open. */
  begin(nodeId: string): ChunkedMessage {
    const calls = this.#calls.get(nodeId) ?? 0;
    if (calls >= callsMax) throw resourceExhausted("raft: too many messages of one manager are under way");
    this.#calls.set(nodeId, calls + 1);
    return new ChunkedMessage();
  }

  /** To be called after each chunk: of one node, one large message is kept, the newest. */
  grown(nodeId: string, message: ChunkedMessage): void {
    const earlier = this.#large.get(nodeId);
    if (!message.isLarge || earlier === message) return;
    earlier?.abandon();
    this.#large.set(nodeId, message);
  }

  end(nodeId: string, message: ChunkedMessage): void {
    const left = (this.#calls.get(nodeId) ?? 1) - 1;
    if (left > 0) this.#calls.set(nodeId, left);
    else this.#calls.delete(nodeId);
    if (this.#large.get(nodeId) === message) this.#large.delete(nodeId);
  }
}
