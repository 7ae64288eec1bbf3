import { deadlineExceeded, type Instant, SwarmError } from "@mswarm/runtime";
import type { Call, Caller } from "./call.ts";

export interface IncomingCallParts {
  readonly caller: Caller;
  readonly user: string | undefined;
  readonly deadline: Instant | undefined;
  /** Values of the `redirect` header, or of `forwarded_cert` where only that one came; empty on a first hop. */
  readonly redirects: readonly string[];
  /** Takes the price of reading so many fields; false when the caller has none left. Undefined for those who are trusted. */
  readonly pay: ((fields: number) => boolean) | undefined;
  /** Sends the status at once, whatever the handler does. */
  readonly end: (error: SwarmError) => void;
  /** The call is over and its handler has ended. */
  readonly release: () => void;
}

/** A call that was admitted. Its signal is made when somebody asks for it, which most unary handlers never do. */
export class IncomingCall implements Call {
  readonly caller: Caller;
  readonly user: string | undefined;
  readonly deadline: Instant | undefined;
  readonly redirects: readonly string[];
  readonly pay: IncomingCallParts["pay"];
  readonly #end: (error: SwarmError) => void;
  readonly #release: () => void;
  #controller: AbortController | undefined;
  #reason: SwarmError | undefined;
  #phase: "waiting" | "handled" | "released" = "waiting";
  #stream: { destroy(): void } | undefined;

  constructor(parts: IncomingCallParts) {
    this.caller = parts.caller;
    this.user = parts.user;
    this.deadline = parts.deadline;
    this.redirects = parts.redirects;
    this.pay = parts.pay;
    this.#end = parts.end;
    this.#release = parts.release;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Why the call ended before its handler did; undefined while it goes on. */
  get cancelled(): SwarmError | undefined {
    return this.#reason;
  }

  /** The handler is about to run. `stream` is what it writes to or reads from, where it streams. */
  begin(stream?: { destroy(): void }): void {
    this.#phase = "handled";
    this.#stream = stream;
  }

  /** The handler has ended. */
  settle(): void {
    if (this.#phase === "released") return;
    this.#phase = "released";
    this.#release();
  }

  /**
   * The stream of the call is gone: the client cancelled, the deadline passed, or the connection ended. Every answered
   * call ends here too; nothing is left to stop then.
   */
  cancel(now: Instant): void {
    if (this.#phase === "released") return;
    if (this.#phase === "waiting") this.settle();
    const late = this.deadline !== undefined && now >= this.deadline;
    this.#stop(late ? deadlineExceeded("context deadline exceeded") : new SwarmError("CANCELLED", "context canceled"));
  }

  /** Ends the call from this side, with this status. */
  end(error: SwarmError): void {
    // What is still queued in the stream would be written after the end otherwise.
    this.#stream?.destroy();
    this.#stop(error);
    this.#end(error);
  }

  #stop(reason: SwarmError): void {
    this.#reason ??= reason;
    this.#controller?.abort(this.#reason);
  }
}
