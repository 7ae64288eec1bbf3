import { abortReason, deferred, unavailable } from "@mswarm/runtime";
import type { Engine } from "../engine.ts";

export type EngineOperation = keyof Engine;

/** What goes wrong with the fake engine: failures, hangs, and being gone altogether. */
export class FakeFaults {
  #isDown = false;
  /** Called before every call that gets through; what it throws is the call's failure. */
  onCall: ((operation: EngineOperation) => void) | undefined;
  readonly #failures = new Map<EngineOperation, Error[]>();
  readonly #hangs = new Map<EngineOperation, Promise<void>>();

  get isDown(): boolean {
    return this.#isDown;
  }

  set isDown(isDown: boolean) {
    this.#isDown = isDown;
  }

  /** The next call of `operation` fails with `error`; several queue up. */
  failNext(operation: EngineOperation, error: Error): void {
    this.#failures.set(operation, [...(this.#failures.get(operation) ?? []), error]);
  }

  /** Calls of `operation` wait until the returned function is called. */
  hang(operation: EngineOperation): () => void {
    const gate = deferred();
    this.#hangs.set(operation, gate.promise);
    return () => {
      this.#hangs.delete(operation);
      gate.resolve();
    };
  }

  /** What every operation does first. */
  async pass(operation: EngineOperation, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) throw abortReason(signal);
    if (this.#isDown) throw unavailable("the engine does not answer: connect ENOENT");
    const hang = this.#hangs.get(operation);
    if (hang !== undefined) await orAborted(hang, signal);
    const failure = this.#failures.get(operation)?.shift();
    if (failure !== undefined) throw failure;
    this.onCall?.(operation);
  }
}

function orAborted(promise: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(abortReason(signal));
    signal?.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal?.removeEventListener("abort", onAbort));
  });
}
