import { isDeepStrictEqual } from "node:util";
import type { Engine, EngineInfo } from "@mswarm/engine";
import { type Clock, type Logger, messageOf, seconds, throwIfAborted, Wakeup } from "@mswarm/runtime";
import type { NodeDescription } from "@mswarm/wire";
import { type DescriptionOverrides, nodeDescriptionOf } from "./node-description.ts";

/** How often the engine is asked whether something has changed. Source: swarmkit agent/agent.go, nodeUpdatePeriod. */
const refreshPeriod = seconds(20);

export interface NodeDescriberParts {
  readonly engine: Pick<Engine, "info">;
  /** Read anew each time. */
  overrides(): DescriptionOverrides;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Knows what this node is, and notices when that changes. */
export class NodeDescriber {
  readonly #parts: NodeDescriberParts;
  readonly #poke = new Wakeup();
  #info: EngineInfo | undefined;
  #told: NodeDescription | undefined;

  constructor(parts: NodeDescriberParts) {
    this.#parts = parts;
  }

  /** What the engine said last; undefined before it said anything. */
  get info(): EngineInfo | undefined {
    return this.#info;
  }

  /** As it was told to the manager last; empty before. */
  get current(): NodeDescription {
    return this.#told ?? {};
  }

  /** The node as it is now, to be told to a manager. Rejects with UNAVAILABLE while the engine does not answer. */
  async describe(signal: AbortSignal): Promise<NodeDescription> {
    this.#told = await this.#look(signal);
    return this.#told;
  }

  /** Something the overrides come from has changed: look now instead of at the end of the period. */
  refresh(): void {
    this.#poke.notify();
  }

  /** Resolves when the node is no longer as it was told; rejects when the signal aborts. */
  async changed(signal: AbortSignal): Promise<void> {
    for (;;) {
      const timer = this.#parts.clock.timer(refreshPeriod, () => this.#poke.notify());
      try {
        await this.#poke.wait(signal);
      } finally {
        timer.cancel();
      }
      try {
        if (!isDeepStrictEqual(await this.#look(signal), this.#told)) return;
      } catch (error) {
        throwIfAborted(signal);
        // Tasks go on without the engine's answer, so the session does, too.
        this.#parts.log.warn({ error: messageOf(error) }, "the engine could not be asked what this node is");
      }
    }
  }

  async #look(signal: AbortSignal): Promise<NodeDescription> {
    this.#info = await this.#parts.engine.info(signal);
    return nodeDescriptionOf(this.#info, this.#parts.overrides());
  }
}
