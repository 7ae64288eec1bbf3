export { Manager } from "./manager.ts";
export type { ManagerOptions, ManagerParts } from "./manager-options.ts";
export { type InitialCluster, initialCertificateExpiry } from "./membership/bootstrap.ts";
export { versionLabel } from "./membership/mswarm-node.ts";
export { type AdmissionStep, isAdmissionRefusal, withdrawFromRaft } from "./raft-join.ts";
