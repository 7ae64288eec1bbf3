// What a daemon is started with. Flag = environment variable = default: DESIGN section 10.
import { invalidArgument, type LogLevel } from "@mswarm/runtime";
import type { GenericResource } from "@mswarm/wire";

export interface DaemonOptions {
  readonly stateDirectory: string;
  /** Docker Engine, as `unix:///path`. */
  readonly engine: string;
  /** Where the Docker Engine API face is served, as `unix:///path`. */
  readonly api: string;
  /** Control socket, as `unix:///path`. */
  readonly control: string;
  readonly hostname: string;
  /** Address or interface to advertise where init and join name none; "" to detect it. */
  readonly defaultAdvertiseAddress: string;
  readonly logLevel: LogLevel;
  readonly logFormat: "json" | "pretty";
  /** Name of the lab this node belongs to; its containers carry it as the label `mswarm.lab`. */
  readonly lab?: string;
  /** Processors and bytes of memory offered to tasks; the machine's where absent. */
  readonly offerCpus?: number;
  readonly offerMemory?: number;
  /** Offered to tasks in place of what the engine offers; the engine's where absent. */
  readonly genericResources?: readonly GenericResource[];
  /** Host address that host-mode ports are bound to; all addresses where absent. */
  readonly publishAddress?: string;
}

const socketPathMax = 107;

/** The path of a `unix://` address. Errors: INVALID_ARGUMENT, also for a path that no socket can have. */
export function unixPath(address: string, flag: string): string {
  const path = /^unix:\/\/(?<path>\/.+)$/.exec(address)?.groups?.["path"];
  if (path === undefined) throw invalidArgument(`${flag} must be unix:///path, not ${JSON.stringify(address)}`);
  if (Buffer.byteLength(path) > socketPathMax) {
    throw invalidArgument(
      `${flag}: a socket path has at most ${socketPathMax} bytes, ${path} has ${Buffer.byteLength(path)}`,
    );
  }
  return path;
}
