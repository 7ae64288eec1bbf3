import type { JsonObject } from "@mswarm/docker-json";
import { between, dateOf, type Instant, timestampOf } from "@mswarm/runtime";
import type { ListServiceStatusesResponse_ServiceStatus, mswarm, Node, Service, Task, TaskState } from "@mswarm/wire";
import { certificateExpiry, managerStatus, sortedNodes } from "../commands/node-ls.ts";
import { serviceListing, serviceRows } from "../commands/service-ls.ts";
import { formatBytes } from "../flags/quantities.ts";
import { humanDuration } from "./human-time.ts";
import { formatListing } from "./listing.ts";
import { formatTable } from "./table.ts";
import { shortId, titleCase } from "./task-names.ts";

/** What a manager knows, read at about one moment. */
export interface ClusterView {
  readonly nodes: readonly Node[];
  readonly services: readonly Service[];
  readonly statuses: readonly ListServiceStatusesResponse_ServiceStatus[];
  readonly tasks: readonly Task[];
  readonly secrets: number;
  readonly configs: number;
}

/** The node that answers. */
export function nodePage(status: mswarm.StatusResponse, now: Instant): string {
  const { state = "INACTIVE", engine = "", nodeId = "" } = status;
  const isMember = nodeId !== "";
  const rows: [string, string][] = [
    ["Node", `${status.hostname ?? ""}${isMember ? `  ${nodeId}` : ""}`],
    ["State", state.toLowerCase() + (status.error ? `: ${status.error}` : "")],
  ];
  if (isMember) {
    rows.push(["Role", status.isManager === true ? `manager at ${status.advertiseAddr ?? ""}` : "worker"]);
    rows.push(["Certificate", certificateText(timestampOf(status.certificateNotAfter), now)]);
    rows.push(["Managers", (status.remoteManagers ?? []).join(", ")]);
  }
  rows.push(["Engine", `${engine}${status.engineReachable === true ? "" : " (does not answer)"}`]);
  const memory = Number(status.residentBytes ?? "0");
  rows.push(["Daemon", `${status.version ?? ""}${memory === 0 ? "" : `, ${formatBytes(memory)} of memory`}`]);
  return factsOf(rows);
}

function certificateText(notAfter: Instant | undefined, now: Instant): string {
  if (notAfter === undefined) return "none";
  const left = between(now, notAfter);
  if (left <= 0) return "expired";
  return `ends in ${humanDuration(left).toLowerCase()} (${dateOf(notAfter).toISOString().slice(0, 16)}Z)`;
}

/** @param cluster  or the sentence that says why it cannot be read */
export function clusterPage(status: mswarm.StatusResponse, cluster: ClusterView | string, now: Instant): string {
  const head = factsOf([
    ["Cluster", status.clusterId ?? ""],
    ["Raft", raftText(status, typeof cluster === "string" ? [] : cluster.nodes)],
    ...(typeof cluster === "string" ? ([["Objects", `cannot be read: ${cluster}`]] as [string, string][]) : []),
  ]);
  if (typeof cluster === "string") return `\n${head}`;
  const { services, statuses, tasks, secrets, configs } = cluster;
  const list = formatListing(serviceRows(services, statuses), serviceListing, { format: undefined, isQuiet: false });
  const counts = factsOf([
    ["Tasks", taskCounts(tasks)],
    ["Secrets", String(secrets)],
    ["Configs", String(configs)],
  ]);
  return `\n${head}\n${nodeTable(status, cluster, now)}\n${services.length === 0 ? "No services.\n" : list}\n${counts}`;
}

function raftText({ raft }: mswarm.StatusResponse, nodes: readonly Node[]): string {
  if (raft === undefined) return "not running";
  const leader = nodes.find(({ id }) => id === raft.leaderNodeId)?.description?.hostname ?? shortId(raft.leaderNodeId);
  const managers = nodes.filter((node) => node.managerStatus !== undefined);
  const reachable = managers.filter((node) => node.managerStatus?.reachability === "REACHABLE").length;
  const quorum = managers.length === 0 ? "" : `, ${reachable} of ${managers.length} managers reachable`;
  const log = `commit ${raft.commitIndex ?? "0"}, applied ${raft.appliedIndex ?? "0"}`;
  return `leader ${leader === "" ? "none" : leader}, term ${raft.term ?? "0"}${quorum}; this node: ${raft.role ?? ""}, ${log}`;
}

function nodeTable(status: mswarm.StatusResponse, { nodes, tasks }: ClusterView, now: Instant): string {
  const running = (nodeId: string | undefined): number =>
    tasks.filter((task) => task.nodeId === nodeId && task.status?.state === "RUNNING").length;
  const header = ["NODE", "HOSTNAME", "ROLE", "STATUS", "AVAILABILITY", "MANAGER", "CERTIFICATE", "TASKS", "ADDRESS"];
  const rows = sortedNodes(nodes).map((node) => {
    const expiry = expiryOf(node, status);
    return [
      `${shortId(node.id)}${node.id === status.nodeId ? " *" : ""}`,
      node.description?.hostname ?? "",
      roleText(node),
      titleCase(node.status?.state ?? "UNKNOWN"),
      titleCase(node.spec?.availability ?? "ACTIVE"),
      managerStatus(node),
      expiry === undefined
        ? ""
        : between(now, expiry) <= 0
          ? "expired"
          : humanDuration(between(now, expiry)).toLowerCase(),
      String(running(node.id)),
      node.managerStatus?.addr ?? node.status?.addr ?? "",
    ];
  });
  return formatTable([header, ...rows]);
}

/** A cluster's first node signed its own certificate, so that only its daemon knows it. */
function expiryOf(node: Node, status: mswarm.StatusResponse): Instant | undefined {
  return node.id === status.nodeId ? timestampOf(status.certificateNotAfter) : certificateExpiry(node);
}

/** The role of the node's certificate, and the one it is on its way to. */
function roleText(node: Node): string {
  const [role, desired] = [node.role ?? "WORKER", node.spec?.desiredRole ?? "WORKER"];
  return role === desired ? role.toLowerCase() : `${role.toLowerCase()} → ${desired.toLowerCase()}`;
}

/** `3 running, 1 failed`: in the order of a task's life. */
function taskCounts(tasks: readonly Task[]): string {
  const order: readonly TaskState[] = [
    ...(["NEW", "PENDING", "ASSIGNED", "ACCEPTED", "PREPARING", "READY", "STARTING", "RUNNING"] as const),
    ...(["COMPLETE", "SHUTDOWN", "FAILED", "REJECTED", "REMOVE", "ORPHANED"] as const),
  ];
  const counts = order.flatMap((state) => {
    const count = tasks.filter((task) => (task.status?.state ?? "NEW") === state).length;
    return count === 0 ? [] : [`${count} ${state.toLowerCase()}`];
  });
  return counts.length === 0 ? "none" : counts.join(", ");
}

function factsOf(rows: readonly (readonly [string, string])[]): string {
  return rows.map(([name, value]) => `${`${name}:`.padEnd(13)}${value}\n`).join("");
}

/** The same for programs. */
export function statusJson(status: mswarm.StatusResponse, cluster: ClusterView | string | undefined): JsonObject {
  const { raft } = status;
  const node: JsonObject = {
    NodeID: status.nodeId ?? "",
    Hostname: status.hostname ?? "",
    State: (status.state ?? "INACTIVE").toLowerCase(),
    Error: status.error ?? "",
    IsManager: status.isManager ?? false,
    Address: status.advertiseAddr ?? "",
    CertificateNotAfter: isoOrNull(timestampOf(status.certificateNotAfter)),
    RemoteManagers: status.remoteManagers ?? [],
    ClusterID: status.clusterId ?? "",
    Version: status.version ?? "",
    ResidentBytes: Number(status.residentBytes ?? "0"),
    Engine: status.engine ?? "",
    EngineReachable: status.engineReachable ?? false,
    Raft:
      raft === undefined
        ? null
        : {
            RaftID: raft.raftId ?? "0",
            LeaderRaftID: raft.leaderRaftId ?? "0",
            LeaderNodeID: raft.leaderNodeId ?? "",
            Role: raft.role ?? "",
            Term: raft.term ?? "0",
            LastIndex: raft.lastIndex ?? "0",
            CommitIndex: raft.commitIndex ?? "0",
            AppliedIndex: raft.appliedIndex ?? "0",
          },
  };
  if (cluster === undefined || typeof cluster === "string") return { ...node, ClusterError: cluster };
  return { ...node, ...clusterJson(status, cluster) };
}

function clusterJson(status: mswarm.StatusResponse, cluster: ClusterView): JsonObject {
  const { nodes, services, statuses, tasks, secrets, configs } = cluster;
  return {
    Nodes: sortedNodes(nodes).map((node) => ({
      ID: node.id ?? "",
      Hostname: node.description?.hostname ?? "",
      Role: (node.role ?? "WORKER").toLowerCase(),
      DesiredRole: (node.spec?.desiredRole ?? "WORKER").toLowerCase(),
      Status: (node.status?.state ?? "UNKNOWN").toLowerCase(),
      Availability: (node.spec?.availability ?? "ACTIVE").toLowerCase(),
      ManagerStatus: managerStatus(node),
      CertificateNotAfter: isoOrNull(expiryOf(node, status)),
      RunningTasks: tasks.filter((task) => task.nodeId === node.id && task.status?.state === "RUNNING").length,
      Address: node.managerStatus?.addr ?? node.status?.addr ?? "",
    })),
    Services: serviceRows(services, statuses).map(({ service, status: tasksOf }) => ({
      ID: service.id ?? "",
      Name: service.spec?.annotations?.name ?? "",
      RunningTasks: Number(tasksOf?.runningTasks ?? "0"),
      DesiredTasks: Number(tasksOf?.desiredTasks ?? "0"),
    })),
    Tasks: tasks.length,
    Secrets: secrets,
    Configs: configs,
  };
}

const isoOrNull = (instant: Instant | undefined): string | null =>
  instant === undefined ? null : dateOf(instant).toISOString();
