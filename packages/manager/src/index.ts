export { Manager, type ManagerOptions, type ManagerParts } from "./manager.ts";
export { type InitialCluster, initialCertificateExpiry } from "./membership/bootstrap.ts";
export { versionLabel } from "./membership/mswarm-node.ts";
