export type { ByteCallOptions, ByteCalls } from "./byte-calls.ts";
export type { Call, Caller, CertificateRole, NodeIdentity } from "./call.ts";
export { type Channel, type ChannelOptions, openChannel, openUnixChannel, type UnixChannelOptions } from "./channel.ts";
export type { CallMetadata, CallOptions, ClientOf } from "./client.ts";
export { forwardHeaders } from "./forwarding.ts";
export { type FormerLeader, isSameLocation, type LeaderForwarder, type LeaderLocation } from "./leader-forwarder.ts";
export { defaultLimits, type PeerLimits, type RpcLimits } from "./limits.ts";
export { type LocalClientParts, localClient } from "./local-client.ts";
export type { PeerVerifier } from "./peer-verifier.ts";
export { anyone, certified, localOnly, type Policy, type PolicyTable, roles } from "./policy.ts";
export { createRpcServer, type ListenAddress, type RpcServer, type RpcServerOptions } from "./server.ts";
export {
  type BindOptions,
  type BoundMethod,
  type BoundService,
  bindService,
  type Handler,
  type MethodKind,
  type MethodName,
  type ServiceOf,
} from "./service.ts";
export { type CertifiedKey, TlsMaterial } from "./tls-material.ts";
export { listenOnUnixSocket } from "./unix-listener.ts";
