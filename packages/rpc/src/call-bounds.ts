// What ends a call without a connection before its answer: its caller, what answers it, its time.
import {
  abortReason,
  type Clock,
  type Duration,
  deadlineExceeded,
  messageOf,
  type Timer,
  unavailable,
} from "@mswarm/runtime";

export interface CallBoundsParts {
  readonly clock: Clock;
  readonly caller: AbortSignal | undefined;
  /** The lifetime of what answers. */
  readonly service: AbortSignal | undefined;
  /** Told once; within the constructor where one of the two has ended already. */
  readonly ended: (reason: Error) => void;
}

/** The calls under way by what answers them: one listener for all, because a signal looks through all of its listeners. */
const answeredBy = new WeakMap<AbortSignal, Set<CallBounds>>();

function callsAnsweredBy(service: AbortSignal): Set<CallBounds> {
  const known = answeredBy.get(service);
  if (known !== undefined) return known;
  const calls = new Set<CallBounds>();
  answeredBy.set(service, calls);
  service.addEventListener("abort", () => {
    for (const call of calls) call.serviceEnded();
  });
  return calls;
}

/** Listens from its making on until the call ends or is released. A signal of its own would cost more than most calls. */
export class CallBounds {
  readonly #parts: CallBoundsParts;
  readonly #others: Set<CallBounds> | undefined;
  #timer: Timer | undefined;
  #reason: Error | undefined;

  constructor(parts: CallBoundsParts) {
    this.#parts = parts;
    const { caller, service } = parts;
    this.#others = service === undefined ? undefined : callsAnsweredBy(service);
    this.#others?.add(this);
    caller?.addEventListener("abort", this.#callerLeft);
    if (caller?.aborted) this.#callerLeft();
    else if (service?.aborted) this.serviceEnded();
  }

  /** Why the call ended early; undefined while it goes on. */
  get reason(): Error | undefined {
    return this.#reason;
  }

  /** Ends the call after `timeout`. */
  limit(timeout: Duration): void {
    this.#timer = this.#parts.clock.timer(timeout, () => this.#end(deadlineExceeded("context deadline exceeded")));
  }

  serviceEnded(): void {
    const reason = messageOf(this.#parts.service?.reason);
    this.#end(unavailable(`what answers this call has stopped: ${reason}`));
  }

  /** The call has its answer. */
  release(): void {
    this.#others?.delete(this);
    this.#parts.caller?.removeEventListener("abort", this.#callerLeft);
    this.#timer?.cancel();
  }

  readonly #callerLeft = (): void => this.#end(abortReason(this.#parts.caller));

  #end(reason: Error): void {
    this.release();
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#parts.ended(reason);
  }
}
