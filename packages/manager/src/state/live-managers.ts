// Which process speaks for each manager. A state directory that was copied makes two managers with one certificate and one
// Raft id: only one of them may be listened to, or what one has acknowledged the other forgets.
import { type Clock, type Duration, failedPrecondition, isSwarmError, type SwarmError, seconds } from "@mswarm/runtime";

/** Managers greet each other every 2 s while they are connected. */
const silence = seconds(5);

interface LiveManager {
  readonly instance: string;
  heardAt: Duration;
  streams: number;
}

export class LiveManagers {
  readonly #clock: Clock;
  readonly #managers = new Map<string, LiveManager>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * A manager greets. Errors: FAILED_PRECONDITION (`isTwinRefusal`) while another process with its identity is
   * connected and has been heard lately. One that is gone is replaced at once.
   */
  greet(nodeId: string, instance: string): void {
    // An older mswarm names none.
    if (instance === "") return;
    const now = this.#clock.monotonic();
    const known = this.#managers.get(nodeId);
    if (known?.instance === instance) {
      known.heardAt = now;
      return;
    }
    if (known !== undefined && known.streams > 0 && now - known.heardAt < silence) throw twin(nodeId);
    this.#managers.set(nodeId, { instance, heardAt: now, streams: 0 });
  }

  /** A stream of Raft messages has begun; returns what to call at its end. */
  streamBegan(nodeId: string): () => void {
    const manager = this.#managers.get(nodeId);
    if (manager === undefined) return () => undefined;
    manager.streams += 1;
    return () => {
      manager.streams -= 1;
    };
  }
}

const twin = (nodeId: string): SwarmError =>
  failedPrecondition(
    `another daemon takes part as manager ${nodeId}: two daemons use one state directory, or a copy of it. Stop one of them, delete its state directory, and let it join as a new node`,
  );

/** The answer to a manager of which there are two. */
export const isTwinRefusal = (error: unknown): boolean =>
  isSwarmError(error, "FAILED_PRECONDITION") && error.message.startsWith("another daemon takes part");
