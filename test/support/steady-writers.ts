// Clients that never stop writing, and what they saw: which writes were acknowledged, and how long each had to wait.
import { type Duration, isSwarmError, messageOf, milliseconds, seconds, systemClock } from "@mswarm/runtime";
import { expect } from "vitest";
import type { DaemonProcess } from "./daemon-process.ts";
import { callLimit, eventually } from "./eventually.ts";

const clock = systemClock();
const retryPause = milliseconds(10);

/** Whoever takes writes on its control socket. */
type Writable = Pick<DaemonProcess, "control">;

export class SteadyWriters {
  /** Names of the secrets that were acknowledged. */
  readonly acknowledged = new Set<string>();
  /** Each text with which a try failed, and how often. */
  readonly failures = new Map<string, number>();
  /** Longest time from a write's first try to its acknowledgement, repetitions included; since `measure` where that was called. */
  longestWrite: Duration = milliseconds(0);
  readonly #prefix: string;
  readonly #writing: Promise<void>[];
  readonly #pending = new Set<Duration>();
  #isOver = false;

  private constructor(prefix: string, daemons: readonly Writable[], count: number) {
    this.#prefix = prefix;
    this.#writing = Array.from({ length: count }, (_unused, number) => {
      const daemon = daemons[number % daemons.length];
      return daemon === undefined ? Promise.resolve() : this.#write(daemon, number);
    });
  }

  /** @param daemons  each writer stays with one of them, on its control socket */
  static start(prefix: string, daemons: readonly Writable[], count: number): SteadyWriters {
    return new SteadyWriters(prefix, daemons, count);
  }

  /** Waits until every writer has finished a write that began after this call: the cluster writes again. */
  async pass(): Promise<void> {
    const begun = clock.monotonic();
    const count = this.acknowledged.size;
    await eventually(() => {
      expect(this.acknowledged.size).toBeGreaterThan(count + this.#writing.length);
      expect([...this.#pending].every((since) => since > begun)).toBe(true);
    });
  }

  /** From now on: what was slow before does not count. */
  measure(): void {
    this.longestWrite = milliseconds(0);
  }

  /** Ends the writers after the write each is at. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#writing);
  }

  /** Waits until each manager has applied everything that the leader has, and the leader has all that was acknowledged. */
  async areHeldBy(managers: readonly DaemonProcess[]): Promise<void> {
    await eventually(async () => {
      const all = await Promise.all(
        managers.map(async (manager) => ({ manager, raft: (await manager.status()).raft })),
      );
      const leader = all.find(({ raft }) => raft?.role === "leader");
      if (leader === undefined) throw expect.fail("no manager leads");
      for (const { raft } of all) {
        expect(raft?.leaderRaftId).toBe(leader.raft?.raftId);
        expect(Number(raft?.appliedIndex)).toBeGreaterThanOrEqual(Number(leader.raft?.commitIndex));
      }
      const { secrets = [] } = await leader.manager.control.ListSecrets({}, { timeout: callLimit });
      const names = new Set(secrets.map(({ spec }) => spec?.annotations?.name));
      expect([...this.acknowledged].filter((name) => !names.has(name))).toEqual([]);
    });
  }

  async #write(daemon: Writable, writer: number): Promise<void> {
    for (let count = 0; !this.#isOver; count += 1) {
      const begun = clock.monotonic();
      this.#pending.add(begun);
      await this.#one(daemon, `${this.#prefix}-${writer}-${count}`);
      this.#pending.delete(begun);
      const took = milliseconds(clock.monotonic() - begun);
      if (took > this.longestWrite) this.longestWrite = took;
      await clock.sleep(milliseconds(20));
    }
  }

  async #one(daemon: Writable, name: string): Promise<void> {
    const spec = { annotations: { name }, data: Buffer.from(name) };
    for (;;) {
      try {
        await daemon.control.CreateSecret({ spec }, { timeout: seconds(5) });
        break;
      } catch (error) {
        // The answer to an earlier try was lost; the write was not.
        if (isSwarmError(error, "ALREADY_EXISTS")) break;
        const text = messageOf(error).replace(name, "NAME");
        this.failures.set(text, (this.failures.get(text) ?? 0) + 1);
        if (this.#isOver) return;
        await clock.sleep(retryPause);
      }
    }
    this.acknowledged.add(name);
  }
}
