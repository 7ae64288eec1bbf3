import { abortReason, Wakeup } from "@mswarm/runtime";

/**
 * What one open stream of a session waits on: "something changed", and for assignments which tasks. Changes are
 * coalesced, so a stream that is read slowly costs no memory.
 */
export class Feed {
  readonly #wakeup = new Wakeup();
  readonly #end = new AbortController();
  readonly #follow: () => void;
  readonly #caller: AbortSignal;
  #taskIds = new Set<string>();

  /** @param caller  the signal of the call; the feed ends with it */
  constructor(caller: AbortSignal) {
    this.#caller = caller;
    this.#follow = () => this.#end.abort(abortReason(caller));
    if (caller.aborted) this.#follow();
    else caller.addEventListener("abort", this.#follow, { once: true });
  }

  /** Aborts when the feed ends; its reason is the error that the stream has to fail with. */
  get signal(): AbortSignal {
    return this.#end.signal;
  }

  notify(): void {
    this.#wakeup.notify();
  }

  taskChanged(taskId: string): void {
    this.#taskIds.add(taskId);
    this.#wakeup.notify();
  }

  /** Resolves after the next change, or one not yet seen; rejects with the reason of the end. */
  wait(): Promise<void> {
    return this.#wakeup.wait(this.signal);
  }

  /** Tasks that changed since the last call. */
  takeTaskIds(): ReadonlySet<string> {
    const taken = this.#taskIds;
    this.#taskIds = new Set();
    return taken;
  }

  /** Ends the stream with `error`. The first reason counts. */
  end(error: Error): void {
    this.#end.abort(error);
  }

  /** After the stream is over: lets go of the call's signal. */
  release(): void {
    this.#caller.removeEventListener("abort", this.#follow);
  }
}
