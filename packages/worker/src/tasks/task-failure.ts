// Failures of a task in Docker's words: people and scripts read them in `docker service ps`.
// Source: moby daemon/cluster/executor/container/errors.go and controller.go.
import { notFound, SwarmError, unknownError } from "@mswarm/runtime";

export const unhealthyText = "dockerexec: unhealthy container";

/** The container's process ended badly. */
export class TaskExit extends SwarmError {
  readonly exitCode: number;

  /** @param cause  why, where known; "" where not */
  constructor(exitCode: number, cause: string) {
    const exit = `task: non-zero exit (${exitCode})`;
    super("UNKNOWN", exitCode === 0 ? cause : cause === "" ? exit : `${exit}: ${cause}`);
    this.exitCode = exitCode;
  }
}

export const containerDestroyed = (): SwarmError => unknownError("dockerexec: container destroyed");
export const noSuchContainer = (name: string): SwarmError => notFound(`No such container: ${name}`);
