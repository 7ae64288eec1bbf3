// Authorities, certificates and keys for other people's tests: one call each.
export { type TestAuthority, type TestNode, testAuthority } from "./authority.ts";
export { simulatedCrypto } from "./simulated-crypto.ts";
