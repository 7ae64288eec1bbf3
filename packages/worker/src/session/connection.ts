// What a worker needs of a manager, whether it is reached over TLS or through the local control socket.
import type { Channel, ClientOf } from "@mswarm/rpc";
import type { Handlers } from "@mswarm/wire";

type Client<N extends keyof Handlers> = ClientOf<Handlers[N]>;

/** One connection to one manager; used for one session and then closed. */
export interface ManagerConnection {
  /** For the log: an address. */
  readonly manager: string;
  readonly dispatcher: Pick<
    Client<"docker.swarmkit.v1.Dispatcher">,
    "Session" | "Heartbeat" | "Assignments" | "UpdateTaskStatus"
  >;
  readonly logBroker: Client<"docker.swarmkit.v1.LogBroker">;
  readonly peer: Pick<Client<"mswarm.v1.Peer">, "AnnounceLeave">;
  /**
   * Ends the connection. A bad one makes the choice of the same manager less likely next time; a session that ended by
   * itself was always bad, for another manager may be better.
   */
  close(outcome: "good" | "bad"): void;
}

/** The connection over a channel; `onClose` is told the outcome before the channel is closed. */
export function connectionOver(
  channel: Channel,
  manager: string,
  onClose: (outcome: "good" | "bad") => void,
): ManagerConnection {
  return {
    manager,
    dispatcher: channel.client("docker.swarmkit.v1.Dispatcher"),
    logBroker: channel.client("docker.swarmkit.v1.LogBroker"),
    peer: channel.client("mswarm.v1.Peer"),
    close: (outcome) => {
      onClose(outcome);
      channel.close();
    },
  };
}
