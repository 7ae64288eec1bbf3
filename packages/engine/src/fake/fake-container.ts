import type { ContainerCreate } from "../container-create.ts";
import type { ContainerState, ContainerStatusName, HealthStatus, LogFrame, PublishedPort } from "../engine.ts";

/** One container of the fake engine; tests read its `spec` and state. */
export class FakeContainer {
  readonly id: string;
  readonly spec: ContainerCreate;
  readonly output: LogFrame[] = [];
  status: ContainerStatusName = "created";
  hasStarted = false;
  exitCode = 0;
  error = "";
  pid = 0;
  health: HealthStatus = "none";
  removed = false;
  publishedPorts: readonly PublishedPort[] = [];
  readonly #listeners = new Set<() => void>();

  constructor(id: string, spec: ContainerCreate) {
    this.id = id;
    this.spec = spec;
  }

  get isRunning(): boolean {
    return this.status === "running";
  }

  state(): ContainerState {
    return {
      id: this.id,
      name: this.spec.name,
      labels: this.spec.labels,
      status: this.status,
      hasStarted: this.hasStarted,
      exitCode: this.exitCode,
      error: this.error,
      pid: this.pid,
      health: this.health,
      tty: this.spec.tty,
      publishedPorts: this.isRunning ? this.publishedPorts : [],
    };
  }

  /** To be called after every change, so that waiting calls look again. */
  changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  /** Resolves at the next change, or when the signal aborts. */
  nextChange(signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        this.#listeners.delete(done);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      this.#listeners.add(done);
      signal?.addEventListener("abort", done, { once: true });
    });
  }
}
