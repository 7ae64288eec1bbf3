// Clients that count, each in an object of its own: whatever was acknowledged must still be counted later. Unlike writers that
// create, they leave nothing behind that grows.
import { isSwarmError, milliseconds, seconds, systemClock } from "@mswarm/runtime";
import { expect } from "vitest";
import type { DaemonProcess } from "./daemon-process.ts";
import { callLimit, eventually } from "./eventually.ts";

const clock = systemClock();
const callTimeout = { timeout: seconds(5) };
const label = "count";

interface Counter {
  readonly id: string;
  readonly manager: DaemonProcess;
  /** The highest number whose write was acknowledged. */
  acknowledged: number;
}

export class CountingWriters {
  readonly #counters: readonly Counter[];
  readonly #counting: readonly Promise<void>[];
  #failures = 0;
  #isOver = false;

  private constructor(counters: readonly Counter[]) {
    this.#counters = counters;
    this.#counting = counters.map((counter) => this.#count(counter));
  }

  /** @param managers  the writers are spread over them; each stays with one, by its control socket */
  static async start(managers: readonly DaemonProcess[], count: number): Promise<CountingWriters> {
    const counters = await Promise.all(
      Array.from({ length: count }, async (_unused, number) => {
        const manager = managers[number % managers.length] ?? expect.fail("there is no manager");
        const spec = { annotations: { name: `counter-${number}` }, data: Buffer.from("x") };
        const { secret } = await manager.control.CreateSecret({ spec }, { timeout: callLimit });
        return { id: secret?.id ?? "", manager, acknowledged: 0 };
      }),
    );
    return new CountingWriters(counters);
  }

  get acknowledged(): number {
    return this.#counters.reduce((sum, { acknowledged }) => sum + acknowledged, 0);
  }

  get failures(): number {
    return this.#failures;
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#counting);
  }

  /** Waits until each of `managers` answers with at least what was acknowledged before this call. */
  async areHeldBy(managers: readonly DaemonProcess[]): Promise<void> {
    const wanted = this.#counters.map(({ id, acknowledged }) => ({ id, acknowledged }));
    await eventually(async () => {
      for (const manager of managers) {
        const { secrets = [] } = await manager.control.ListSecrets({}, { timeout: callLimit });
        const counts = new Map(secrets.map(({ id = "", spec }) => [id, countOf(spec?.annotations?.labels)]));
        const lost = wanted.filter(({ id, acknowledged }) => (counts.get(id) ?? -1) < acknowledged);
        expect(lost).toEqual([]);
      }
    });
  }

  async #count(counter: Counter): Promise<void> {
    const { id, manager } = counter;
    while (!this.#isOver) {
      try {
        const { secret } = await manager.control.GetSecret({ secretId: id }, callTimeout);
        // A try whose answer was lost may have been written.
        const next = countOf(secret?.spec?.annotations?.labels) + 1;
        const annotations = { ...secret?.spec?.annotations, labels: { [label]: String(next) } };
        const request = { secretId: id, secretVersion: secret?.meta?.version ?? {}, spec: { annotations } };
        await manager.control.UpdateSecret(request, callTimeout);
        counter.acknowledged = next;
      } catch (error) {
        if (!isSwarmError(error)) throw error;
        this.#failures += 1;
        await clock.sleep(milliseconds(50));
      }
      await clock.sleep(milliseconds(10));
    }
  }
}

const countOf = (labels: Readonly<Record<string, string>> | undefined): number => Number(labels?.[label] ?? 0);
