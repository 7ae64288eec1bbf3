// Settings of the whole cluster that `init` and `update` share.
import type { ClusterSpec } from "@mswarm/wire";
import { addList, type CliCommand } from "../cli-command.ts";
import type { OptionValues } from "../flags/option-values.ts";
import { parseUnsigned } from "../flags/quantities.ts";
import { notAvailable } from "../local-failure.ts";
import { defined } from "../service-spec/merging.ts";
import { readDuration } from "../service-spec/policies.ts";

const names = ["certExpiry", "dispatcherHeartbeat", "maxSnapshots", "snapshotInterval", "taskHistoryLimit"] as const;

export function addClusterSettings(command: CliCommand): void {
  command
    .option("--cert-expiry <duration>", "Validity period for node certificates (default 2160h0m0s)")
    .option("--dispatcher-heartbeat <duration>", "Dispatcher heartbeat period (default 5s)")
    .option("--max-snapshots <count>", "Number of additional Raft snapshots to retain")
    .option("--snapshot-interval <entries>", "Number of log entries between Raft snapshots (default 10000)")
    .option("--task-history-limit <count>", "Task history retention limit (default 5)");
  addList(command, "--external-ca <spec>", "Certificate signing endpoints");
}

/** True when one of the flags was given. Errors: LocalFailure for an external authority. */
export function hasClusterSettings(flags: OptionValues): boolean {
  if (flags.list("externalCa").length > 0) throw notAvailable("external authorities (--external-ca) are not available yet");
  return names.some((name) => flags.text(name) !== undefined);
}

/** The spec with what the flags say. Errors: UsageError. */
export function changedClusterSpec(spec: ClusterSpec, flags: OptionValues): ClusterSpec {
  const nodeCertExpiry = flags.parsed("certExpiry", readDuration);
  const heartbeatPeriod = flags.parsed("dispatcherHeartbeat", readDuration);
  const taskHistoryRetentionLimit = flags.parsed("taskHistoryLimit", parseUnsigned);
  const raft = defined({
    keepOldSnapshots: flags.parsed("maxSnapshots", parseUnsigned),
    snapshotInterval: flags.parsed("snapshotInterval", parseUnsigned),
  });
  return {
    ...spec,
    ...(nodeCertExpiry === undefined ? {} : { caConfig: { ...spec.caConfig, nodeCertExpiry } }),
    ...(heartbeatPeriod === undefined ? {} : { dispatcher: { ...spec.dispatcher, heartbeatPeriod } }),
    ...(taskHistoryRetentionLimit === undefined
      ? {}
      : { orchestration: { ...spec.orchestration, taskHistoryRetentionLimit } }),
    ...(Object.keys(raft).length === 0 ? {} : { raft: { ...spec.raft, ...raft } }),
  };
}
