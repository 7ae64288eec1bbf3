// The way to the local engine: a connection of its own for each request. A new connection on a unix socket costs a
// fraction of what the engine does for any request, a reused one may have died with the engine a moment ago, and a
// connection that ends with its request cannot carry a second one that nobody judged (decision 14).
import { type ClientRequest, type ClientRequestArgs, request } from "node:http";
import { connect } from "node:net";

/** Go's default. */
const maxHeaderSize = 1024 * 1024;

/** @param path  of the engine's unix socket */
export function openEngineRequest(path: string, options: ClientRequestArgs): ClientRequest {
  return request({
    ...options,
    setHost: false,
    maxHeaderSize,
    // No agent, no pool. Hijacked connections are closed one way at a time.
    createConnection: () => connect({ path, allowHalfOpen: true }),
  });
}
