import { throwIfAborted } from "@mswarm/runtime";
import type { ContainerCreate } from "../container-create.ts";
import type {
  ContainerState,
  ContainerStatusName,
  HealthStatus,
  LogFrame,
  LogOptions,
  PublishedPort,
} from "../engine.ts";

/** One container of the fake engine; tests read its `spec` and state. */
export class FakeContainer {
  readonly id: string;
  readonly spec: ContainerCreate;
  readonly output: LogFrame[] = [];
  /** Log streams that are open at this moment. */
  logReaders = 0;
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

  /** What was printed and, with `follow`, what is printed until it stops. */
  async *read(options: LogOptions, signal: AbortSignal | undefined): AsyncGenerator<LogFrame> {
    const wanted = (frame: LogFrame): boolean => (frame.stream === "stdout" ? options.stdout : options.stderr);
    const isRecent = (frame: LogFrame): boolean =>
      options.since === undefined || Number(frame.timestamp?.seconds) >= Number(options.since.seconds);
    const past = this.output.filter(isRecent);
    let count = this.output.length;
    const tail = options.tail === undefined ? past : past.slice(Math.max(0, past.length - options.tail));
    yield* tail.filter(wanted);
    while (options.follow) {
      for (; count < this.output.length; count += 1) {
        const frame = this.output[count];
        if (frame !== undefined && wanted(frame)) yield frame;
      }
      if (!this.isRunning || this.removed) return;
      await this.nextChange(signal);
      throwIfAborted(signal);
    }
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
