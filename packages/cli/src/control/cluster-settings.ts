// Settings of the whole cluster that `init` and `update` share.
import type { ClusterSpec } from "@mswarm/wire";
import { addList, type CliCommand } from "../cli-command.ts";
import type { OptionValues } from "../flags/option-values.ts";
import { parseUnsigned } from "../flags/quantities.ts";
import { notAvailable } from "../local-failure.ts";
import { defined } from "../service-spec/merging.ts";
import { readDuration } from "../service-spec/policies.ts";

export function addClusterSettings(command: CliCommand): void {
  command
    .option("--cert-expiry <duration>", "Validity period for node certificates (default 2160h0m0s)")
    .option("--dispatcher-heartbeat <duration>", "Dispatcher heartbeat period (default 5s)")
    .option("--max-snapshots <count>", "Number of additional Raft snapshots to retain")
    .option("--snapshot-interval <entries>", "Number of log entries between Raft snapshots (default 10000)")
    .option("--task-history-limit <count>", "Task history retention limit (default 5)");
  addList(command, "--external-ca <spec>", "Certificate signing endpoints");
}

/**
 * What the flags change in the cluster's spec; undefined when none was given. Everything is parsed here, so that a
 * mistake is found before anything is done. Errors: UsageError; LocalFailure for an external authority.
 */
export function clusterChange(flags: OptionValues): ((spec: ClusterSpec) => ClusterSpec) | undefined {
  if (flags.list("externalCa").length > 0) {
    throw notAvailable("external authorities (--external-ca) are not available yet");
  }
  const caConfig = defined({ nodeCertExpiry: flags.parsed("certExpiry", readDuration) });
  const dispatcher = defined({ heartbeatPeriod: flags.parsed("dispatcherHeartbeat", readDuration) });
  const orchestration = defined({ taskHistoryRetentionLimit: flags.parsed("taskHistoryLimit", parseUnsigned) });
  const raft = defined({
    keepOldSnapshots: flags.parsed("maxSnapshots", parseUnsigned),
    snapshotInterval: flags.parsed("snapshotInterval", parseUnsigned),
  });
  const parts = Object.entries({ caConfig, dispatcher, orchestration, raft });
  const changed = parts.filter(([, part]) => Object.keys(part).length > 0).map(([name]) => name);
  if (changed.length === 0) return undefined;
  return (spec) => ({
    ...spec,
    ...(changed.includes("caConfig") ? { caConfig: { ...spec.caConfig, ...caConfig } } : {}),
    ...(changed.includes("dispatcher") ? { dispatcher: { ...spec.dispatcher, ...dispatcher } } : {}),
    ...(changed.includes("orchestration") ? { orchestration: { ...spec.orchestration, ...orchestration } } : {}),
    ...(changed.includes("raft") ? { raft: { ...spec.raft, ...raft } } : {}),
  });
}
