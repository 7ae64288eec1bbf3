import type { ClientOf } from "@mswarm/rpc";
import type { Clock } from "@mswarm/runtime";
import type { Handlers } from "@mswarm/wire";

/** The manager's objects, over the daemon's control socket. */
export type Control = ClientOf<Handlers["docker.swarmkit.v1.Control"]>;
/** The daemon of this machine. */
export type Daemon = ClientOf<Handlers["mswarm.v1.Daemon"]>;

/** What tasks have printed. */
export type Logs = ClientOf<Handlers["docker.swarmkit.v1.Logs"]>;

/** What managers do beyond Docker's words. */
export type Operations = ClientOf<Handlers["mswarm.v1.Operations"]>;

/** A connection to one daemon's control socket. */
export interface Connection {
  readonly control: Control;
  readonly daemon: Daemon;
  readonly operations: Operations;
  readonly logs: Logs;
  close(): void;
}

/** Everything a command touches outside itself; the real one is made in `main.ts`, tests make their own. */
export interface CliContext {
  /** Standard output and standard error; texts end with a line feed. */
  out(text: string): void;
  err(text: string): void;
  /** Bytes as they are; resolves when there is room for more. Rejects when nobody reads any longer. */
  write(stream: "out" | "err", bytes: Buffer): Promise<void>;
  /** True when standard output is a terminal that can redraw lines. */
  readonly isTerminal: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Aborts when the user presses ctrl-c. */
  readonly signal: AbortSignal;
  /** All of standard input. */
  readInput(): Promise<Buffer>;
  readFile(path: string): Promise<Buffer>;
  /** Opens the control socket. Errors: LocalFailure when nobody answers there. */
  connect(socketPath: string): Promise<Connection>;
  /** Starts a daemon in the background whose control socket is that path; resolves when it answers. */
  startDaemon(socketPath: string): Promise<void>;
}
