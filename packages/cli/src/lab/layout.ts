// Where the nodes of a lab live: directories, sockets and loopback addresses. Pure.
import { join } from "node:path";
import { invalidArgument } from "@mswarm/runtime";

export interface LabNode {
  /** m1 …, w1 …: also its hostname. */
  readonly name: string;
  readonly isManager: boolean;
  /** Its own address in 127.0.0.0/8, without port. */
  readonly address: string;
  readonly stateDirectory: string;
  readonly runtimeDirectory: string;
  readonly controlPath: string;
  readonly apiPath: string;
  readonly logPath: string;
  readonly pidPath: string;
}

/** What is remembered of a lab between commands. */
export interface LabRecord {
  readonly name: string;
  readonly managers: number;
  readonly workers: number;
  /** Third byte of the loopback addresses of this lab. */
  readonly subnet: number;
  /** The engine all nodes share. */
  readonly engine: string;
}

export interface LabRoots {
  /** State, kept over reboots. */
  readonly state: string;
  /** Sockets and pid files; short, because a socket path has at most 107 bytes. */
  readonly runtime: string;
}

/** @param directory  MSWARM_LAB_DIR: a folder for both, so that tests and users do not meet; "" or absent: the machine's own */
export function labRoots(directory: string | undefined): LabRoots {
  return directory === undefined || directory === ""
    ? { state: "/var/lib/mswarm/lab", runtime: "/var/run/mswarm/lab" }
    : { state: join(directory, "state"), runtime: join(directory, "run") };
}

export const labDirectory = (roots: LabRoots, name: string): string => join(roots.state, name);
export const recordPath = (roots: LabRoots, name: string): string => join(roots.state, name, "lab.json");
export const labRuntimeDirectory = (roots: LabRoots, name: string): string => join(roots.runtime, name);

const nodesMax = 99;

/** Refuses names and sizes that cannot work: INVALID_ARGUMENT. */
export function checkLab(lab: Pick<LabRecord, "name" | "managers" | "workers">): void {
  if (!/^[a-z0-9][a-z0-9-]{0,19}$/.test(lab.name)) {
    throw invalidArgument(`invalid lab name ${JSON.stringify(lab.name)}: up to 20 of a-z, 0-9 and -`);
  }
  if (!Number.isInteger(lab.managers) || lab.managers < 1 || lab.managers > 7) {
    throw invalidArgument("a lab has 1 to 7 managers (an odd number keeps the most failures survivable)");
  }
  if (!Number.isInteger(lab.workers) || lab.workers < 0 || lab.managers + lab.workers > nodesMax) {
    throw invalidArgument(`a lab has at most ${nodesMax} nodes`);
  }
}

/** The nodes of a lab: managers first. */
export function labNodes(roots: LabRoots, lab: LabRecord): readonly LabNode[] {
  const node = (name: string, isManager: boolean, lastByte: number): LabNode => {
    const directory = join(roots.state, lab.name, name);
    const runtimeDirectory = join(roots.runtime, lab.name, name);
    return {
      name,
      isManager,
      address: `127.0.${lab.subnet}.${lastByte}`,
      stateDirectory: join(directory, "state"),
      runtimeDirectory,
      controlPath: join(runtimeDirectory, "control.sock"),
      apiPath: join(runtimeDirectory, "docker.sock"),
      logPath: join(directory, "daemon.log"),
      pidPath: join(runtimeDirectory, "pid"),
    };
  };
  const count = (total: number): number[] => Array.from({ length: total }, (_unused, index) => index + 1);
  return [
    ...count(lab.managers).map((number) => node(`m${number}`, true, 10 + number)),
    ...count(lab.workers).map((number) => node(`w${number}`, false, 100 + number)),
  ];
}
