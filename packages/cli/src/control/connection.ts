import { connect } from "node:net";
import { openUnixChannel } from "@mswarm/rpc";
import type { Clock } from "@mswarm/runtime";
import type { Connection } from "../cli-context.ts";
import { localFailure } from "../local-failure.ts";

/**
 * Opens a control socket. Asks first whether anybody listens there, so that the user is told about a daemon that does
 * not run and not about a failed call. Errors: LocalFailure, UNAVAILABLE or PERMISSION_DENIED.
 */
export async function connectToDaemon(socketPath: string, clock: Clock): Promise<Connection> {
  const failure = await knock(socketPath);
  if (failure === "EACCES" || failure === "EPERM") {
    throw localFailure(
      "PERMISSION_DENIED",
      `permission denied while trying to connect to the mswarm daemon socket at unix://${socketPath}`,
    );
  }
  if (failure !== undefined) {
    throw localFailure(
      "UNAVAILABLE",
      `Cannot connect to the mswarm daemon at unix://${socketPath}. Is the daemon running? Start it with: mswarm daemon`,
    );
  }
  const channel = openUnixChannel(socketPath, { clock });
  return {
    control: channel.client("docker.swarmkit.v1.Control"),
    daemon: channel.client("mswarm.v1.Daemon"),
    operations: channel.client("mswarm.v1.Operations"),
    logs: channel.client("docker.swarmkit.v1.Logs"),
    close: () => channel.close(),
  };
}

/** The error code of a connection attempt; undefined when somebody answers. */
function knock(socketPath: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once("connect", () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once("error", (error) => resolve("code" in error ? String(error.code) : error.message));
  });
}
