// A simulated cluster over the core alone, and a checker of Raft's promises.
export { type Acknowledged, type ClusterOptions, RaftCluster } from "./cluster.ts";
export { decodeConfChange, encodeConfChange } from "./conf-change-text.ts";
export { DrivenCore, type DrivenCoreOptions, entryOf, messageOf } from "./driven-core.ts";
export { History, SafetyViolation } from "./history.ts";
export { type CommittedEntry, SafetyChecker } from "./safety.ts";
export { type DiskFault, type DiskWrite, SimulatedDisk } from "./simulated-disk.ts";
export { calmMember, type DriverFault, type MemberWeather, SimulatedMember } from "./simulated-member.ts";
export { calmNetwork, type NetworkWeather, SimulatedNetwork } from "./simulated-network.ts";
export { runSimulation, type SimulationOptions, type SimulationReport } from "./simulation.ts";
