// Raft messages as SwarmKit sends them: one call per message, a large snapshot in chunks.
import type { RaftMessage } from "@mswarm/raft";
import type { Channel } from "@mswarm/rpc";
import { type Clock, childAbort, deadlineExceeded, isSwarmError, seconds } from "@mswarm/runtime";
import type { raftpb } from "@mswarm/wire";
import { messageToWire, sizeOfMessage } from "./raft-message-codec.ts";

/** One message, or one chunk of a snapshot. Source: wire reference 5.5. */
const sendTimeout = seconds(2);
/** Of one request: a Go server takes 4 MiB. Some room is left for everything but the snapshot's data. */
const requestBytesMax = 4_194_304;
const slack = 65_536;

/** The requests of one call: the message, or the message with one slice of the snapshot's data after another. */
export function chunksOf(message: RaftMessage): readonly raftpb.Message[] {
  const wire = messageToWire(message);
  const data = message.snapshot?.data;
  if (data === undefined || sizeOfMessage(message) + slack <= requestBytesMax) return [wire];
  const sliceLength = requestBytesMax - slack;
  return Array.from({ length: Math.ceil(data.length / sliceLength) }, (_, at) => ({
    ...wire,
    snapshot: { ...wire.snapshot, data: data.subarray(at * sliceLength, (at + 1) * sliceLength) },
  }));
}

/** Sends messages to one peer by calls of `docker.swarmkit.v1.Raft`. */
export class DockerRaftCalls {
  readonly #channel: Channel;
  readonly #clock: Clock;
  #streams = true;

  constructor(channel: Channel, clock: Clock) {
    this.#channel = channel;
    this.#clock = clock;
  }

  /**
   * Resolves when the peer has taken the message. Errors: those of the peer; DEADLINE_EXCEEDED when it takes longer than
   * two seconds, for a snapshot two seconds after a chunk.
   */
  async send(message: RaftMessage, signal: AbortSignal): Promise<void> {
    if (this.#streams) {
      try {
        await this.#stream(chunksOf(message), signal);
        return;
      } catch (error) {
        if (!isSwarmError(error, "UNIMPLEMENTED")) throw error;
        this.#streams = false;
      }
    }
    const client = this.#channel.client("docker.swarmkit.v1.Raft");
    await client.ProcessRaftMessage({ message: messageToWire(message) }, { signal, timeout: sendTimeout });
  }

  async #stream(chunks: readonly raftpb.Message[], signal: AbortSignal): Promise<void> {
    // The timer begins anew with each chunk, as in SwarmKit since Docker 23; a call of one chunk has two seconds.
    const call = childAbort(signal);
    const expire = (): void => call.abort(deadlineExceeded("raft: the peer did not take the message in time"));
    let timer = this.#clock.timer(sendTimeout, expire);
    const clock = this.#clock;
    async function* requests(): AsyncGenerator<{ message: raftpb.Message }> {
      for (const message of chunks) {
        timer.cancel();
        timer = clock.timer(sendTimeout, expire);
        yield { message };
      }
    }
    try {
      await this.#channel.client("docker.swarmkit.v1.Raft").StreamRaftMessage(requests(), { signal: call.signal });
    } finally {
      timer.cancel();
      call.release();
    }
  }
}
