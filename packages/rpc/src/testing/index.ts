export { createTestAuthority, type TestAuthority } from "./authority.ts";
export { callAs, type FakeCallOptions, localCall, testClusterId, testManager, testWorker } from "./calls.ts";
export { type Loopback, type LoopbackOptions, startLoopback } from "./loopback.ts";
