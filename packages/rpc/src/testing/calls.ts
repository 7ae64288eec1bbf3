import type { Call, Caller, NodeIdentity } from "../call.ts";

export const testClusterId = "cluster000000000000000000";

export const testManager = (nodeId = "manager1"): NodeIdentity => ({
  nodeId,
  role: "swarm-manager",
  clusterId: testClusterId,
});

export const testWorker = (nodeId = "worker1"): NodeIdentity => ({
  nodeId,
  role: "swarm-worker",
  clusterId: testClusterId,
});

export interface FakeCallOptions {
  readonly remoteAddress?: string;
  readonly forwarder?: NodeIdentity;
  readonly signal?: AbortSignal;
  readonly deadline?: Call["deadline"];
  readonly user?: string;
}

function fakeCall(caller: Caller, options: FakeCallOptions): Call {
  return {
    caller,
    signal: options.signal ?? new AbortController().signal,
    deadline: options.deadline,
    user: options.user,
  };
}

/** A call as a handler sees it, made by `identity` over TLS; undefined is a peer without a certificate. */
export function callAs(identity: NodeIdentity | undefined, options: FakeCallOptions = {}): Call {
  const { remoteAddress = "192.0.2.10:40000", forwarder } = options;
  return fakeCall({ identity, remoteAddress, forwarder, isLocal: false }, options);
}

/** A call that came in by the control socket. */
export function localCall(options: FakeCallOptions = {}): Call {
  return fakeCall({ identity: undefined, remoteAddress: "", forwarder: undefined, isLocal: true }, options);
}
