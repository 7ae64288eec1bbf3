// Usage: record.ts <control socket> <manager's host:port> <folder of the fixtures>. See record.sh.
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { openUnixChannel } from "@mswarm/rpc";
import { invariant, milliseconds, seconds, systemClock } from "@mswarm/runtime";
import { codecOf, type raftpb, type WatchMessage } from "@mswarm/wire";
import { RecordingRaftMember } from "./raft-member.ts";
import { redact } from "./redaction.ts";

const [socket = "", managerAddress = "", folder = ""] = process.argv.slice(2);
const clock = systemClock();
const run = promisify(execFile);
const channel = openUnixChannel(socket);
const control = channel.client("docker.swarmkit.v1.Control");

interface Recorded {
  /** What was being done. */
  readonly name: string;
  /** Full name of the message. */
  readonly type: string;
  readonly base64: string;
}
const recorded = new Map<string, Recorded[]>();

function keep(file: string, name: string, type: string, bytes: Buffer): void {
  const fullName = `docker.swarmkit.v1.${type}`;
  const clean = redact(codecOf(fullName).decode(bytes), bytes);
  invariant(!clean.includes("PRIVATE KEY"), "no private key is stored");
  const list = recorded.get(file) ?? [];
  recorded.set(file, [...list, { name, type: fullName, base64: clean.toString("base64") }]);
}

/** Keeps the first event of each action on each kind of object, until the signal aborts. */
async function recordWatch(signal: AbortSignal): Promise<void> {
  const kinds = ["node", "service", "network", "task", "cluster", "secret", "config"];
  const request = codecOf("docker.swarmkit.v1.WatchRequest").encode({
    // Every action: create, update and remove are bits.
    entries: kinds.map((kind) => ({ kind, action: 7 })),
    includeOldObject: true,
  });
  const seen = new Set<string>();
  try {
    for await (const bytes of channel.bytes.serverStream("/docker.swarmkit.v1.Watch/Watch", request, { signal })) {
      const message = codecOf<WatchMessage>("docker.swarmkit.v1.WatchMessage").decode(bytes);
      for (const { action, object } of message.events ?? [{ action: "none", object: undefined }]) {
        const what = `${action} ${Object.keys(object ?? {}).find((key) => kinds.includes(key)) ?? ""}`;
        if (!seen.has(what)) keep("watch.json", what, "WatchMessage", bytes);
        seen.add(what);
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function recordControl(): Promise<void> {
  for (const name of ["Nodes", "Services", "Tasks", "Secrets", "Configs", "Clusters", "Networks"]) {
    const bytes = await channel.bytes.unary(`/docker.swarmkit.v1.Control/List${name}`, Buffer.alloc(0), {});
    keep("control.json", `docker lists ${name.toLowerCase()}`, `List${name}Response`, bytes);
  }
}

async function firstOf(path: string, request: Buffer): Promise<Buffer> {
  const abort = new AbortController();
  try {
    for await (const bytes of channel.bytes.serverStream(path, request, { signal: abort.signal })) return bytes;
  } finally {
    abort.abort();
  }
  throw new TypeError(`${path} ended without a message`);
}

/** The local socket counts as the manager's own node, so that its session can be taken over for a moment. */
async function recordDispatcher(): Promise<void> {
  const description = { hostname: "recorder", platform: { os: "linux", architecture: "x86_64" } };
  const request = codecOf("docker.swarmkit.v1.SessionRequest").encode({ description });
  const bytes = await firstOf("/docker.swarmkit.v1.Dispatcher/Session", request);
  keep("dispatcher.json", "first message of a session", "SessionMessage", bytes);
  const { sessionId } = codecOf<{ sessionId?: string }>("docker.swarmkit.v1.SessionMessage").decode(bytes);
  const session = codecOf("docker.swarmkit.v1.HeartbeatRequest").encode({ sessionId });
  const beat = await channel.bytes.unary("/docker.swarmkit.v1.Dispatcher/Heartbeat", session, {});
  keep("dispatcher.json", "answer to a heartbeat", "HeartbeatResponse", beat);
  const assignments = await firstOf("/docker.swarmkit.v1.Dispatcher/Assignments", session);
  keep("dispatcher.json", "complete assignments", "AssignmentsMessage", assignments);
}

async function recordLogs(): Promise<void> {
  const { services = [] } = await control.ListServices({ filters: { names: ["talker"] } });
  const request = codecOf("docker.swarmkit.v1.SubscribeLogsRequest").encode({
    selector: { serviceIds: services.map(({ id }) => id ?? "") },
    // Without options a Docker worker crashes (20.10.24: nil dereference in its agent).
    options: {},
  });
  for await (const bytes of channel.bytes.serverStream("/docker.swarmkit.v1.Logs/SubscribeLogs", request, {})) {
    keep("logs.json", "docker service logs", "SubscribeLogsMessage", bytes);
  }
}

/** At most `limit` messages of each type: heartbeats are many. */
function raftKeeper(who: string, limit: number): (bytes: Buffer, message: raftpb.Message) => void {
  const counts = new Map<string, number>();
  return (bytes, message) => {
    const type = `${message.type}${(message.entries ?? []).length > 0 ? " with entries" : ""}`;
    const count = (counts.get(type) ?? 0) + 1;
    counts.set(type, count);
    if (count <= limit) keep("raft.json", `${type} to the ${who}`, "StreamRaftMessageRequest", bytes);
  };
}

async function recordRaft(): Promise<void> {
  const { clusters = [] } = await control.ListClusters({});
  const managerToken = clusters[0]?.rootCa?.joinTokens?.manager ?? "";
  const second = { managerAddress, managerToken, port: 12_401, keep: raftKeeper("second manager", 3) };
  const one = await RecordingRaftMember.join(second);
  keep("raft.json", "answer to the join of a second manager", "JoinResponse", one.joinResponse);
  await clock.sleep(seconds(3));
  // From now on the log is cut short, so that a third manager needs a snapshot.
  const cluster = (await control.ListClusters({})).clusters?.[0];
  invariant(cluster?.id !== undefined && cluster.spec !== undefined, "there is a cluster");
  await control.UpdateCluster({
    clusterId: cluster.id,
    ...(cluster.meta?.version === undefined ? {} : { clusterVersion: cluster.meta.version }),
    spec: { ...cluster.spec, raft: { ...cluster.spec.raft, snapshotInterval: "1", logEntriesForSlowFollowers: "1" } },
    rotation: {},
  });
  await run("docker", ["service", "scale", "--detach", "plain=3"]);
  await clock.sleep(seconds(5));
  const third = { managerAddress, managerToken, port: 12_402, keep: raftKeeper("third manager", 1) };
  const two = await RecordingRaftMember.join(third);
  await clock.sleep(seconds(5));
  one.member.close();
  two.member.close();
}

const watching = new AbortController();
const watch = recordWatch(watching.signal);
await clock.sleep(milliseconds(500));
await run(fileURLToPath(new URL("objects.sh", import.meta.url)));
await recordControl();
await recordLogs();
await recordDispatcher();
// Last: when the recording members are gone, the group has no quorum.
await recordRaft();
watching.abort();
await watch;
channel.close();
mkdirSync(folder, { recursive: true });
for (const [file, messages] of recorded) {
  writeFileSync(join(folder, file), `${JSON.stringify(messages, undefined, 1)}\n`);
  console.log(file, messages.map(({ name, base64 }) => `\n  ${name}: ${(base64.length * 3) / 4} bytes`).join(""));
}
