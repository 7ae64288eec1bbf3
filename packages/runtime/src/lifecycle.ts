// Who owns which running work, and how it is stopped.
import { messageOf, SwarmError } from "./errors.ts";

/** The reason of an aborted signal, always an Error. */
export function abortReason(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error
    ? reason
    : new SwarmError("CANCELLED", reason === undefined ? "cancelled" : String(reason));
}

/** Throws the abort reason when `signal` has aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortReason(signal);
}

/** A controller that also aborts when its parent does. Call `release` when the child's work is over. */
export interface ChildAbort {
  readonly signal: AbortSignal;
  abort(reason?: Error): void;
  release(): void;
}

/** One AbortController per lifetime, each a child of the one above. */
export function childAbort(parent: AbortSignal): ChildAbort {
  const controller = new AbortController();
  const follow = (): void => controller.abort(abortReason(parent));
  if (parent.aborted) follow();
  else parent.addEventListener("abort", follow, { once: true });
  return {
    signal: controller.signal,
    abort: (reason = new SwarmError("CANCELLED", "cancelled")) => controller.abort(reason),
    release: () => parent.removeEventListener("abort", follow),
  };
}

/** Resolves when the signal aborts; never rejects. */
export function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/**
 * Owner of promises that nobody awaits. A failure of one is given to `onFailure` (once each) unless the group is
 * already closing; `close` aborts all and waits for them.
 */
export class TaskGroup {
  readonly #running = new Set<Promise<void>>();
  readonly #abort: ChildAbort;
  readonly #onFailure: (name: string, error: unknown) => void;

  constructor(parent: AbortSignal, onFailure: (name: string, error: unknown) => void) {
    this.#abort = childAbort(parent);
    this.#onFailure = onFailure;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Starts `work` at once. `name` appears in the failure report. */
  run(name: string, work: (signal: AbortSignal) => Promise<void>): void {
    const running: Promise<void> = work(this.signal)
      .catch((error: unknown) => {
        if (!this.signal.aborted) this.#onFailure(name, error);
      })
      .finally(() => {
        this.#running.delete(running);
      });
    this.#running.add(running);
  }

  /** Aborts everything and waits until all of it has ended. Idempotent. */
  async close(reason?: Error): Promise<void> {
    this.#abort.abort(reason);
    while (this.#running.size > 0) await Promise.all(this.#running);
    this.#abort.release();
  }
}

/** A promise with its settlers outside; `settled` is true after either was called. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly settled: boolean;
  resolve(value: T): void;
  reject(error: Error): void;
}

export function deferred<T = void>(): Deferred<T> {
  let settled = false;
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((res, rej) => {
    resolve = res;
    reject = rej;
  });
  // A rejection that nobody awaits yet must not end the process; whoever awaits later still sees it.
  promise.catch(messageOf);
  return {
    promise,
    get settled() {
      return settled;
    },
    resolve: (value) => {
      settled = true;
      resolve(value);
    },
    reject: (error) => {
      settled = true;
      reject(error);
    },
  };
}
