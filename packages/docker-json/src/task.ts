import type { ContainerStatus, PortStatus, Task, TaskState, TaskStatus, VolumeAttachment } from "@mswarm/wire";
import { annotations, meta, saidByMember, version } from "./basics.ts";
import { listOf } from "./collections.ts";
import { portConfigs } from "./endpoints.ts";
import { byValue, fieldsOf } from "./message.ts";
import { attachedNetworks } from "./network.ts";
import { genericResources } from "./resources.ts";
import { int32, text, uint64, wordOf } from "./scalars.ts";
import type { MessageShape } from "./shape.ts";
import { taskSpec } from "./task-spec.ts";
import { time } from "./times.ts";

const taskState = wordOf<TaskState>(
  {
    NEW: "new",
    PENDING: "pending",
    ASSIGNED: "assigned",
    ACCEPTED: "accepted",
    PREPARING: "preparing",
    READY: "ready",
    STARTING: "starting",
    RUNNING: "running",
    COMPLETE: "complete",
    SHUTDOWN: "shutdown",
    FAILED: "failed",
    REJECTED: "rejected",
    REMOVE: "remove",
    ORPHANED: "orphaned",
  },
  (word) => `unknown task state ${JSON.stringify(word)}`,
);

const containers = fieldsOf<ContainerStatus>("ContainerStatus");
const containerStatus = containers.message(
  [
    containers.field("ContainerID", "containerId", text, { always: true }),
    containers.field("PID", "pid", int32, { always: true }),
    containers.field("ExitCode", "exitCode", int32, { always: true }),
  ],
  {},
);

const ports = fieldsOf<PortStatus>("PortStatus");
const portStatus = ports.message([ports.field("Ports", "ports", portConfigs)], {});

const statuses = fieldsOf<TaskStatus>("TaskStatus");
const taskStatus = statuses.message(
  [
    statuses.field("Timestamp", "timestamp", time, { always: true, absentAs: "1970-01-01T00:00:00Z" }),
    statuses.field("State", "state", taskState, { always: true }),
    statuses.field("Message", "message", text),
    statuses.field("Err", "err", text),
    statuses.field("ContainerStatus", "container", containerStatus),
    statuses.field("PortStatus", "portStatus", portStatus, byValue),
  ],
  {
    runtimeStatus: saidByMember,
    appliedBy: "Docker does not show it",
    appliedAt: "Docker does not show it",
  },
);

const volumes = fieldsOf<VolumeAttachment>("VolumeAttachment");
const volume = volumes.message(
  [volumes.field("ID", "id", text), volumes.field("Source", "source", text), volumes.field("Target", "target", text)],
  {},
);

const tasks = fieldsOf<Task>("Task");

/** A task as `GET /tasks` shows it. */
export const task: MessageShape<Task> = tasks.message(
  [
    tasks.field("ID", "id", text, { always: true }),
    tasks.inline("meta", meta),
    tasks.inline("annotations", annotations),
    tasks.field("Spec", "spec", taskSpec, byValue),
    tasks.field("ServiceID", "serviceId", text),
    tasks.field("Slot", "slot", uint64),
    tasks.field("NodeID", "nodeId", text),
    tasks.field("Status", "status", taskStatus, byValue),
    tasks.field("DesiredState", "desiredState", taskState, { always: true }),
    tasks.field("NetworksAttachments", "networks", attachedNetworks),
    tasks.field("GenericResources", "assignedGenericResources", genericResources),
    tasks.field("JobIteration", "jobIteration", version),
    tasks.field("Volumes", "volumes", listOf(volume, "[]swarm.VolumeAttachment")),
  ],
  {
    serviceAnnotations: "Docker does not show it: the service has them",
    endpoint: "Docker does not show it: the service has it",
    logDriver: "Docker does not show it",
    specVersion: "Docker does not show it",
  },
);
