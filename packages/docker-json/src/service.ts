import { invalidArgument } from "@mswarm/runtime";
import type {
  JobStatus,
  ReplicatedJob,
  ReplicatedService,
  Service,
  ServiceSpec,
  UpdateConfig,
  UpdateConfig_FailureAction,
  UpdateConfig_UpdateOrder,
  UpdateStatus,
  UpdateStatus_UpdateState,
} from "@mswarm/wire";
import { annotations, meta, saidByMember, version } from "./basics.ts";
import { adjusted, nothing } from "./collections.ts";
import { endpoint, endpointSpec } from "./endpoints.ts";
import { byValue, fieldsOf, jsonFields } from "./message.ts";
import { float32, text, uint64, wordOf } from "./scalars.ts";
import type { MessageShape, Shape } from "./shape.ts";
import { networkAttachments, taskTemplate } from "./task-spec.ts";
import { duration, spanByValue, time } from "./times.ts";

const updates = fieldsOf<UpdateConfig>("UpdateConfig");

/** `UpdateConfig` and `RollbackConfig`. */
export const updateConfig: Shape<UpdateConfig> = updates.message(
  [
    updates.field("Parallelism", "parallelism", uint64, { always: true }),
    // Docker stores it also when it is zero.
    updates.field("Delay", "delay", duration, { absentAs: 0 }),
    updates.field(
      "FailureAction",
      "failureAction",
      wordOf<UpdateConfig_FailureAction>(
        { PAUSE: "pause", CONTINUE: "continue", ROLLBACK: "rollback" },
        (word) => `unrecognized update failure action ${word}`,
      ),
      { always: true },
    ),
    updates.field("Monitor", "monitor", spanByValue),
    updates.field("MaxFailureRatio", "maxFailureRatio", float32, { always: true }),
    updates.field(
      "Order",
      "order",
      wordOf<UpdateConfig_UpdateOrder>(
        { STOP_FIRST: "stop-first", START_FIRST: "start-first" },
        (word) => `unrecognized update order ${word}`,
      ),
      { always: true },
    ),
  ],
  {},
);

const replicas = fieldsOf<ReplicatedService>("ReplicatedService");
const replicated = replicas.message(
  [replicas.field("Replicas", "replicas", uint64, { always: true, absentAs: 1 })],
  {},
);

const jobs = fieldsOf<ReplicatedJob>("ReplicatedJob");
const jobTable = jobs.message(
  [
    jobs.field("MaxConcurrent", "maxConcurrent", uint64, { always: true, absentAs: 1 }),
    jobs.field("TotalCompletions", "totalCompletions", uint64, { always: true }),
  ],
  {},
);

/** As many completions as run at once, unless said. */
const replicatedJob: Shape<ReplicatedJob> = adjusted(jobTable, {
  read: (json, place) => {
    const read = jobTable.read(json, place);
    const isSaid = jsonFields(json, place).get("TotalCompletions") !== undefined;
    return isSaid || read.maxConcurrent === undefined ? read : { ...read, totalCompletions: read.maxConcurrent };
  },
});

type Mode = Pick<ServiceSpec, "replicated" | "global" | "replicatedJob" | "globalJob">;
const modes = fieldsOf<Mode>("ServiceMode");
const modeTable = modes.message(
  [
    modes.field("Replicated", "replicated", replicated),
    modes.field("Global", "global", nothing),
    modes.field("ReplicatedJob", "replicatedJob", replicatedJob, { since: 41 }),
    modes.field("GlobalJob", "globalJob", nothing, { since: 41 }),
  ],
  {},
);

const mode: Shape<Mode> = adjusted(modeTable, {
  read: (json, place) => {
    const read = modeTable.read(json, place);
    const count = Object.keys(read).length;
    if (count > 1) throw invalidArgument("must specify only one service mode");
    return count === 1 ? read : { replicated: { replicas: "1" } };
  },
});

const spec = fieldsOf<ServiceSpec>("ServiceSpec");

/** What a client sends to create or update a service, and what it reads back. Source: engine-api reference 15. */
export const serviceSpec: MessageShape<ServiceSpec> = spec.message(
  [
    spec.inline("annotations", annotations),
    spec.field("TaskTemplate", "task", taskTemplate, byValue),
    spec.group("Mode", mode),
    spec.field("UpdateConfig", "update", updateConfig),
    spec.field("RollbackConfig", "rollback", updateConfig),
    spec.field("Networks", "networks", networkAttachments),
    spec.field("EndpointSpec", "endpoint", endpointSpec),
  ],
  { mode: saidByMember },
);

const updateStates: Readonly<Record<UpdateStatus_UpdateState, string>> = {
  UNKNOWN: "",
  UPDATING: "updating",
  PAUSED: "paused",
  COMPLETED: "completed",
  ROLLBACK_STARTED: "rollback_started",
  ROLLBACK_PAUSED: "rollback_paused",
  ROLLBACK_COMPLETED: "rollback_completed",
};

const statuses = fieldsOf<UpdateStatus>("UpdateStatus");
const updateStatus = statuses.message(
  [
    statuses.field(
      "State",
      "state",
      wordOf(updateStates, (word) => `unknown update state ${JSON.stringify(word)}`),
    ),
    statuses.field("StartedAt", "startedAt", time),
    statuses.field("CompletedAt", "completedAt", time),
    statuses.field("Message", "message", text),
  ],
  {},
);

const executions = fieldsOf<JobStatus>("JobStatus");
const jobStatus = executions.message(
  [
    executions.field("JobIteration", "jobIteration", version, byValue),
    executions.field("LastExecution", "lastExecution", time, { always: true, absentAs: "1970-01-01T00:00:00Z" }),
  ],
  {},
);

const services = fieldsOf<Service>("Service");

/** A service as `GET /services` shows it. */
export const service: MessageShape<Service> = services.message(
  [
    services.field("ID", "id", text, { always: true }),
    services.inline("meta", meta),
    services.field("Spec", "spec", serviceSpec, byValue),
    services.field("PreviousSpec", "previousSpec", serviceSpec),
    services.field("Endpoint", "endpoint", endpoint, byValue),
    services.field("UpdateStatus", "updateStatus", updateStatus),
    services.field("JobStatus", "jobStatus", jobStatus),
  ],
  {
    pendingDelete: "of SwarmKit itself",
    specVersion: "Docker does not show it",
    previousSpecVersion: "Docker does not show it",
  },
);
