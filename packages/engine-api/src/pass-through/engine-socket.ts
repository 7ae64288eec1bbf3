// The way to the local engine. A request that may do something gets a connection of its own, which ends with it: one that
// is reused may have died with the engine a moment ago, and what was sent on it cannot be sent again. Questions, which can,
// share connections, because a new one costs as much as the rest of such a request (decision 14).
import { Agent, type ClientRequest, type ClientRequestArgs, request } from "node:http";
import { connect } from "node:net";

/** Go's default. */
const maxHeaderSize = 1024 * 1024;
/** As many as callers at once are usual. */
const mostIdle = 16;

export class EngineSocket {
  /** Of the engine's unix socket. */
  readonly path: string;
  readonly #kept = new Agent({ keepAlive: true, maxFreeSockets: mostIdle });

  constructor(path: string) {
    this.path = path;
  }

  /** On a connection of its own. */
  open(options: ClientRequestArgs): ClientRequest {
    return request({
      ...options,
      setHost: false,
      maxHeaderSize,
      // No agent, no pool. Hijacked connections are closed one way at a time.
      createConnection: () => connect({ path: this.path, allowHalfOpen: true }),
    });
  }

  /**
   * On a connection that has carried whole answers before, where one is idle: `reusedSocket` says so. Only for requests
   * without a body that may be sent twice: such a connection can turn out to be dead.
   */
  ask(options: ClientRequestArgs): ClientRequest {
    return request({ ...options, setHost: false, maxHeaderSize, agent: this.#kept, socketPath: this.path });
  }

  /** Ends the idle connections, and those of questions under way. */
  close(): void {
    this.#kept.destroy();
  }
}
