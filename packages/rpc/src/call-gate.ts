// Admits or refuses each call when its headers are here, before a byte of its message is read.
import {
  type Metadata,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  type ServerListener,
} from "@grpc/grpc-js";
import {
  type Clock,
  type Duration,
  deadlineExceeded,
  type Instant,
  internal,
  type Logger,
  resourceExhausted,
  type SwarmError,
  type Timer,
  unimplemented,
} from "@mswarm/runtime";
import { authorize, type ClusterView, type ConnectionPeer, recorded, vouchedUser } from "./authorization.ts";
import type { Caller, NodeIdentity } from "./call.ts";
import type { CallBudget } from "./call-budget.ts";
import { bodyOf } from "./grpc-server.ts";
import { IncomingCall } from "./incoming-call.ts";
import { readClaims } from "./metadata.ts";
import type { PendingMessage } from "./pending-bytes.ts";
import type { Policy } from "./policy.ts";
import { statusOf, statusOfThrown } from "./status.ts";

/**
 * Calls that were admitted and are not over, by the metadata object that grpc-js hands to the handler. The object is
 * made once per call and never leaves the process, so nothing a peer sends can name another's.
 */
export class AdmittedCalls {
  readonly #byMetadata = new WeakMap<Metadata, IncomingCall>();
  readonly #open = new Set<IncomingCall>();

  add(metadata: Metadata, call: IncomingCall): void {
    this.#byMetadata.set(metadata, call);
    this.#open.add(call);
  }

  /** Forgets a call whose stream is gone. */
  remove(call: IncomingCall): void {
    this.#open.delete(call);
  }

  /** The call of a handler; undefined means that it passed no gate. */
  of(metadata: Metadata): IncomingCall | undefined {
    return this.#byMetadata.get(metadata);
  }

  get size(): number {
    return this.#open.size;
  }

  /** Ends every call made for a node or forwarded by it. */
  endOf(nodeId: string, error: SwarmError): void {
    for (const call of [...this.#open]) {
      const { identity, forwarder } = call.caller;
      if (identity?.nodeId === nodeId || forwarder?.nodeId === nodeId) call.end(error);
    }
  }
}

export interface CallGateParts {
  readonly peer: ConnectionPeer;
  readonly policies: ReadonlyMap<string, Policy>;
  readonly cluster: ClusterView;
  readonly admitted: AdmittedCalls;
  readonly calls: CallBudget;
  readonly clock: Clock;
  readonly log: Logger;
  /** Counts what is only partly here. */
  readonly pending: () => PendingMessage;
  /** Most calls of this connection whose handlers have not ended. */
  readonly maxCalls: number;
  /** Time for the whole request to arrive; undefined for a peer that is trusted not to trickle. */
  readonly requestTimeout: Duration | undefined;
  /** Told when the number of this connection's open streams changes. */
  readonly onStreams: (open: number) => void;
}

function deadlineOf(call: ServerInterceptingCallInterface): Instant | undefined {
  const deadline = Number(call.getDeadline());
  return Number.isFinite(deadline) ? (deadline as Instant) : undefined;
}

/** A message of so many fields is as much work as a call. */
const fieldsPerCall = 100;

/** The interceptor of one connection. It knows its peer because it belongs to that connection alone. */
export function callGate(parts: CallGateParts): ServerInterceptor {
  const { peer, policies, cluster, admitted, calls, clock, log, pending, maxCalls, requestTimeout, onStreams } = parts;
  let open = 0;
  // Handlers of calls that were reset go on until they notice: they count, or resets would be free.
  let running = 0;

  /** Before it is asked whether the call is allowed: refusing costs, too. */
  const spend = ({ nodeId, role }: NodeIdentity): void => {
    if (role === "swarm-manager" || calls.take(nodeId)) return;
    throw resourceExhausted(
      `node ${nodeId} makes more calls than this manager takes of one node: wait before the next one`,
    );
  };

  const payer = ({ identity, isLocal }: Caller): IncomingCall["pay"] => {
    if (isLocal || identity?.role === "swarm-manager") return undefined;
    // A stranger's messages are small.
    if (identity === undefined) return () => true;
    return (fields) => fields < fieldsPerCall || calls.take(identity.nodeId, Math.floor(fields / fieldsPerCall));
  };

  const admit = (path: string, metadata: Metadata, wire: ServerInterceptingCallInterface): IncomingCall => {
    const policy = policies.get(path);
    if (policy === undefined) throw internal(`no policy for ${path}`);
    const own = recorded(peer.identity, cluster);
    if (own !== undefined) spend(own);
    const claims = readClaims(metadata);
    const caller = authorize(peer, claims, policy, cluster);
    if (caller.forwarder !== undefined && caller.identity !== undefined) spend(caller.identity);
    // Nobody compresses here, and what a small message unpacks to is out of our hands.
    if (bodyOf(wire).encoding !== "identity") throw unimplemented("compressed messages are not taken");
    if (running >= maxCalls) throw resourceExhausted("too many calls on one connection");
    running += 1;
    return new IncomingCall({
      caller,
      user: vouchedUser(peer, claims, cluster),
      deadline: deadlineOf(wire),
      redirects: claims.redirect.length > 0 ? claims.redirect : claims.forwarded,
      pay: payer(caller),
      end: (error) => wire.sendStatus(statusOf(error)),
      release: () => {
        running -= 1;
      },
    });
  };

  const start = (
    path: string,
    wire: ServerInterceptingCallInterface,
    next: (listener: ServerListener) => void,
  ): void => {
    let call: IncomingCall | undefined;
    let timer: Timer | undefined;
    const arriving = pending();
    next({
      onReceiveMetadata: (metadata, nextMetadata) => {
        onStreams(++open);
        try {
          call = admit(path, metadata, wire);
        } catch (error) {
          wire.sendStatus(statusOfThrown(error, path, log));
          return;
        }
        admitted.add(metadata, call);
        const admittedCall = call;
        bodyOf(wire).onBytes((bytes) => {
          if (arriving.add(bytes)) return;
          arriving.close();
          admittedCall.end(resourceExhausted("too much of this peer's messages is incomplete"));
        });
        if (requestTimeout !== undefined) {
          const late = deadlineExceeded("the request did not arrive in time");
          timer = clock.timer(requestTimeout, () => admittedCall.end(late));
        }
        nextMetadata(metadata);
      },
      onReceiveMessage: (message, nextMessage) => {
        arriving.clear();
        nextMessage(message);
      },
      onReceiveHalfClose: (nextHalfClose) => {
        timer?.cancel();
        nextHalfClose();
      },
      onCancel: () => {
        timer?.cancel();
        arriving.close();
        onStreams(--open);
        if (call === undefined) return;
        admitted.remove(call);
        call.cancel(clock.now());
      },
    });
  };

  return (method, wire) => {
    const kind = method.responseStream ? ServerInterceptingCall : SingleAnswer;
    return new kind(wire, { start: (next) => start(method.path, wire, next) });
  };
}

const ignore = (): void => undefined;

/**
 * Sends the status of a call together with its only message. grpc-js itself waits until the message has left this
 * process, which costs a turn of the event loop, a TLS record and a write for each call.
 */
class SingleAnswer extends ServerInterceptingCall {
  override sendMessage(message: unknown, sent: () => void): void {
    super.sendMessage(message, ignore);
    sent();
  }
}
