// Keeps the manager of this node running while its certificate says that it is one, and only then.

import {
  aborted,
  Backoff,
  type ChildAbort,
  type Clock,
  childAbort,
  type Duration,
  isSwarmError,
  type Logger,
  messageOf,
  milliseconds,
  type Random,
  seconds,
  Wakeup,
} from "@mswarm/runtime";

/** What a manager is to its host. */
export interface HostedManager {
  stop(options: { readonly handOver: boolean }): Promise<void>;
}

/** A running manager has ended by itself; it has still to be stopped. */
export type Ending =
  | { readonly reason: "failed"; readonly error: Error }
  /** Raft has removed it. */
  | { readonly reason: "removed" };

export interface ManagerHostParts<M extends HostedManager> {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** By this node's certificate, as it is now. */
  readonly isManager: () => boolean;
  /** Resolves when the manager serves. Leaves nothing behind when it rejects. */
  readonly startManager: (onEnded: (ending: Ending) => void, signal: AbortSignal) => Promise<M>;
  /** Deletes the Raft log; harmless where there is none. */
  readonly clearLog: () => Promise<void>;
  /** This manager was removed from Raft: it is to ask for the certificate that makes it a worker. */
  readonly onRemoved: () => void;
}

/** How long a removed manager waits to learn that it was demoted. Source: swarmkit node/node.go, superviseManager. */
const demotionPatience = seconds(16);
const firstPause = seconds(1);
const longestPause = seconds(15);
/** A manager that has run for this long has recovered from whatever was wrong before. */
const steadyAfter = seconds(60);

/**
 * One loop that moves towards what the certificate says: starts and stops of the manager never overlap, whatever order
 * promotions, demotions, failures and the end of the node come in. What fails is tried again with a growing pause.
 */
export class ManagerHost<M extends HostedManager> {
  readonly #parts: ManagerHostParts<M>;
  readonly #backoff: Backoff;
  readonly #wakeup = new Wakeup();
  #manager: M | undefined;
  /** Counts the managers: what one of them says after it was replaced does not matter. */
  #number = 0;
  #ending: Ending | undefined;
  #failure: Error | undefined;
  #starting: ChildAbort | undefined;
  #startedAt: Duration | undefined;
  #startAgainAt: Duration | undefined;
  #wasRemoved = false;

  constructor(parts: ManagerHostParts<M>) {
    this.#parts = parts;
    this.#backoff = new Backoff({ base: firstPause, max: longestPause }, parts.random);
  }

  /** The running manager, also before it is ready. */
  get manager(): M | undefined {
    return this.#manager;
  }

  /** Why the manager does not run although it should; undefined while it runs, starts for the first time, or is not wanted. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** True from a removal from Raft until the manager runs again: its certificate is behind the times. */
  get wasRemoved(): boolean {
    return this.#wasRemoved;
  }

  /** The certificate may have another role now. */
  roleChanged(): void {
    if (!this.#parts.isManager()) this.#starting?.abort(aborted("this node is no longer a manager"));
    this.#wakeup.notify();
  }

  /** Until the signal aborts; then the manager has been stopped, and leadership handed over. To be called once. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) {
        const pause = await this.#step(signal);
        const timer = pause === undefined ? undefined : this.#parts.clock.timer(pause, () => this.#wakeup.notify());
        await this.#wakeup.wait(signal).finally(() => timer?.cancel());
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      await this.#stop({ handOver: true });
    }
  }

  /** One move; returns after which pause to look again, or undefined to wait until something changes. */
  async #step(signal: AbortSignal): Promise<Duration | undefined> {
    if (this.#ending !== undefined) await this.#bury(this.#ending);
    if (!this.#parts.isManager()) return await this.#beWorker();
    if (this.#manager !== undefined) return undefined;
    const patience = (this.#startAgainAt ?? 0) - this.#parts.clock.monotonic();
    if (patience > 0) return milliseconds(patience);
    return await this.#start(signal);
  }

  async #start(signal: AbortSignal): Promise<Duration | undefined> {
    const { clock, startManager } = this.#parts;
    const attempt = childAbort(signal);
    this.#starting = attempt;
    this.#number += 1;
    const number = this.#number;
    try {
      this.#manager = await startManager((ending) => this.#ended(number, ending), attempt.signal);
      this.#startedAt = clock.monotonic();
      this.#startAgainAt = undefined;
      this.#wasRemoved = false;
      this.#failure = undefined;
      return undefined;
    } catch (error) {
      // Stopped, or demoted meanwhile: not a failure.
      if (attempt.signal.aborted) return milliseconds(0);
      return this.#failed(error, "the manager could not be started");
    } finally {
      this.#starting = undefined;
      attempt.release();
    }
  }

  #failed(error: unknown, what: string): Duration | undefined {
    this.#failure = error instanceof Error ? error : aborted(messageOf(error));
    this.#parts.log.error({ reason: messageOf(error) }, what);
    // Lost data does not come back by trying again; a disk that was full, or an address that was in use, does.
    return isSwarmError(error, "DATA_LOSS") ? undefined : this.#backoff.next();
  }

  #ended(number: number, ending: Ending): void {
    if (number !== this.#number) return;
    // A removal says more than a failure.
    if (this.#ending?.reason !== "removed") this.#ending = ending;
    this.#wakeup.notify();
  }

  async #bury(ending: Ending): Promise<void> {
    const { clock, log, onRemoved } = this.#parts;
    this.#ending = undefined;
    this.#wasRemoved ||= ending.reason === "removed";
    await this.#stop({ handOver: false });
    if (ending.reason === "failed") {
      if (clock.monotonic() - (this.#startedAt ?? 0) > steadyAfter) this.#backoff.reset();
      const pause = this.#failed(ending.error, "the manager has stopped");
      this.#startAgainAt = pause === undefined ? undefined : later(clock, pause);
      return;
    }
    log.info({}, "this manager was removed from the cluster's Raft group");
    await this.#clearLog();
    // Usually it was demoted, and the next certificate says so. If it still is a manager after that, it joins Raft again.
    this.#startAgainAt = later(clock, demotionPatience);
    onRemoved();
  }

  async #beWorker(): Promise<Duration | undefined> {
    if (this.#manager !== undefined) this.#parts.log.info({}, "this node is no longer a manager");
    await this.#stop({ handOver: false });
    this.#failure = undefined;
    this.#startAgainAt = undefined;
    this.#wasRemoved = false;
    // Also after a crash between the demotion and this: the key of that log is gone.
    if (!(await this.#clearLog())) return this.#backoff.next();
    this.#backoff.reset();
    return undefined;
  }

  async #clearLog(): Promise<boolean> {
    try {
      await this.#parts.clearLog();
      return true;
    } catch (error) {
      this.#parts.log.warn({ reason: messageOf(error) }, "the Raft log of the former manager could not be deleted yet");
      return false;
    }
  }

  async #stop(options: { readonly handOver: boolean }): Promise<void> {
    const manager = this.#manager;
    this.#manager = undefined;
    try {
      await manager?.stop(options);
    } catch (error) {
      this.#parts.log.warn({ reason: messageOf(error) }, "the manager did not stop cleanly");
    }
  }
}

const later = (clock: Clock, pause: Duration): Duration => milliseconds(clock.monotonic() + pause);
