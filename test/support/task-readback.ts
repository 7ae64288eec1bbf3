// What a task really got: read by its own process out of /proc, and by the host from the container's process and control
// group. Texts of two tasks with the same service are the same, on whichever engine and in whichever swarm they run.
import { existsSync } from "node:fs";
import { readdir, readFile, readlink } from "node:fs/promises";
import { invariant } from "@mswarm/runtime";
import { expect } from "vitest";
import type { Side } from "./engine-api-pair.ts";
import { eventually } from "./eventually.ts";

/**
 * Runs in a task: writes down what it sees, says `ready`, and stays until it is stopped. Docker makes docker_gwbridge, for its
 * overlay networks, some time after a swarm's begin.
 */
const script = `
ends="$(readlink /proc/$$/fd/0) $(readlink /proc/$$/fd/1) $(readlink /proc/$$/fd/2)"
section() { echo "== $1"; }
of() { busybox grep -E "^($1):" /proc/$$/status; }
try() { name=$1; shift; if "$@" >/dev/null 2>&1; then echo "may $name"; else echo "may not $name"; fi; }
more_files() { ulimit -n 2000000; }
{
section identity; of 'Uid|Gid|Groups|Umask'; busybox pwd
section capabilities; of 'Cap.*'
section confinement; of 'NoNewPrivs|Seccomp.*'; cat /proc/$$/attr/current 2>/dev/null || echo "no security module"
section oom; cat /proc/$$/oom_score_adj
section limits; cat /proc/$$/limits
section init; busybox tr '\\0' '\\n' </proc/1/cmdline | busybox head -n 3
section terminal; echo "$ends"
section mounts; cat /proc/$$/mountinfo
section sysctls
for name in net/core/somaxconn net/ipv4/ip_unprivileged_port_start net/ipv4/ip_forward net/ipv4/ping_group_range \\
  kernel/msgmax kernel/shmmax fs/mqueue/msg_max; do echo "$name=$(cat /proc/sys/$name)"; done
section interfaces; busybox awk -F: 'NR > 2 { print $1 }' /proc/net/dev | busybox grep -v docker_gwbridge
section hosts; cat /etc/hosts
section resolver; cat /etc/resolv.conf
section hostname; hostname; cat /etc/hostname
section files
for path in /run/secrets /run/secrets/* /files /files/* /settings /scratch /scratch/* /data /data/*; do
  [ ! -e $path ] || stat -c '%n %F %a %u:%g' $path
  [ ! -f $path ] || cat $path
done
for path in /scratch /data /bound; do [ ! -e $path ] || try "write to $path" touch $path/new; done
section environment; busybox tr '\\0' '\\n' </proc/$$/environ
section attempts
try "write to its root" busybox mkdir /new
try "write to /tmp" touch /tmp/new
try "write to /dev/shm" touch /dev/shm/file
try "give a file away" busybox chown 5 /dev/shm/file
try "make a device" busybox mknod /dev/shm/node c 1 3
try "change its root" busybox chroot / true
try "make a user namespace" busybox unshare -U true
try "make a mount namespace" busybox unshare -m true
try "mount" mount -t tmpfs none /tmp
try "be more important" busybox renice -n -5 $$
try "have more files" more_files
try "ping" busybox ping -c 1 -W 1 127.0.0.1
try "change a network device" busybox ip link set lo mtu 60000
try "change its hostname" hostname same
for path in /proc/kcore /proc/keys /proc/sched_debug /proc/timer_list; do try "read $path" busybox grep -qm 1 '' $path; done
for path in /proc/sysrq-trigger /proc/sys/net/core/somaxconn; do try "write to $path" busybox dd if=/dev/null of=$path; done
} >/dev/shm/part 2>&1
busybox mv /dev/shm/part /dev/shm/report
i=0; while [ $i -lt \${CHATTER:-0} ]; do echo "line $i of much chatter"; i=$((i+1)); done
trap 'exit 11' USR1
if [ -n "$STUBBORN" ]; then trap '' TERM; else trap 'exit 15' TERM; fi
echo ready
while :; do sleep 1000000 & wait $!; done
`;

/** For a `ContainerSpec`: what the task runs. With `STUBBORN` in its environment it ignores SIGTERM, and exits with 11 on SIGUSR1. */
export const readbackCommand: readonly string[] = ["sh", "-c", script];

/** By section. */
export type Readback = Readonly<Record<string, string>>;

interface Inspected {
  readonly Id: string;
  readonly State: {
    readonly Pid: number;
    readonly Health?: { readonly Status: string; readonly Log: readonly { ExitCode: number; Output: string }[] };
  };
  readonly Config: { readonly Tty: boolean };
  readonly HostConfig: Readonly<Record<string, unknown>>;
  readonly NetworkSettings: { readonly IPAddress?: string };
}

/** Waits until the container's process has written everything down. @param containerId  of a task with `readbackCommand` */
export async function readTask(side: Side, containerId: string): Promise<Readback> {
  const { body } = await side.ask({ method: "GET", path: `/v1.41/containers/${containerId}/json` });
  const inspected = JSON.parse(body.toString()) as Inspected;
  const { Pid: pid, Health } = inspected.State;
  const report = await eventually(() => readFile(`/proc/${pid}/root/dev/shm/report`, "utf8"));
  const sections: Record<string, string> = {};
  for (const part of report.split(/^== /m).slice(1)) {
    const [name = "", ...lines] = part.trimEnd().split("\n");
    sections[name] = lines.join("\n");
  }
  sections["mounts"] = mountLines(sections["mounts"] ?? "");
  sections["terminal"] = (sections["terminal"] ?? "").replace(/:\[\d+\]/g, "");
  // Without the ends of cables to other containers, on a machine's own network.
  sections["interfaces"] = (sections["interfaces"] ?? "").replace(/^ *veth\w+\n?/gm, "").replace(/ +/g, "");
  sections["namespaces"] = await namespaces(pid);
  sections["cgroup"] = await controlGroup(pid);
  sections["health"] = Health === undefined ? "" : JSON.stringify([Health.Status, Health.Log.at(-1)?.ExitCode]);
  sections["engine"] = JSON.stringify(engineSettings.map((name) => [name, inspected.HostConfig[name] ?? null]));
  sections["log"] = await logOf(side, inspected);
  const known = [
    [containerId, "CONTAINER"],
    [containerId.slice(0, 12), "SHORT"],
    [inspected.NetworkSettings.IPAddress ?? "", "ADDRESS"],
  ] as const;
  for (const [name, text] of Object.entries(sections)) {
    const replaced = known.reduce((left, [id, word]) => (id === "" ? left : left.replaceAll(id, word)), text);
    sections[name] = replaced.replace(/\/tmp\/ms[ei]-\w{6}/g, "/FOLDER");
  }
  return sections;
}

/** Names of the sections that are not the same. */
export function differences(left: Readback, right: Readback): readonly string[] {
  return Object.keys({ ...left, ...right })
    .filter((name) => left[name] !== right[name])
    .sort();
}

const engineSettings = [
  ...["MaskedPaths", "ReadonlyPaths", "SecurityOpt", "Privileged", "Runtime", "ShmSize", "LogConfig"],
  ...["CgroupnsMode", "IpcMode", "PidMode", "UTSMode", "UsernsMode"],
];

/** `target root type source options [propagation] options of the file system`, by target. */
function mountLines(text: string): string {
  const lines = text.split("\n").map((line) => {
    const [left = "", right = ""] = line.split(" - ");
    const [, , , root = "", target = "", options = "", ...tags] = left.split(" ");
    const [type = "", source = "", all = ""] = right.split(" ");
    const shared = tags.map((tag) => tag.replace(/\d+$/, "N")).join(" ");
    const own = type === "overlay" ? all.replace(/(lowerdir|upperdir|workdir)=[^,]+/g, "$1") : all;
    return [target, root, type, source, options, `[${shared}]`, own].join(" ").replace(/\b[0-9a-f]{64}\b/g, "ID");
  });
  return lines.sort().join("\n");
}

/** Which of its namespaces the process shares with this test. */
async function namespaces(pid: number): Promise<string> {
  const names = (await readdir(`/proc/${pid}/ns`)).filter((name) => !name.endsWith("_for_children"));
  const of = (process: string, name: string): Promise<string> => readlink(`/proc/${process}/ns/${name}`);
  const lines = names.map(async (name) => {
    const isShared = (await of(String(pid), name)) === (await of("self", name));
    return `${name}: ${isShared ? "the host's" : "its own"}`;
  });
  return (await Promise.all(lines)).join("\n");
}

const settings: readonly string[] = [
  ...["memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.soft_limit_in_bytes", "memory.swappiness"],
  ...["memory.oom_control", "cpu.cfs_quota_us", "cpu.cfs_period_us", "cpu.shares", "pids.max", "cpuset.cpus"],
  ...["devices.list", "memory.max", "memory.swap.max", "memory.low", "cpu.max", "cpu.weight", "io.weight"],
];

/** Limits as the kernel keeps them: version 1 has a tree for each controller, version 2 one for all. */
async function controlGroup(pid: number): Promise<string> {
  const found: string[] = [];
  for (const line of (await readFile(`/proc/${pid}/cgroup`, "utf8")).trim().split("\n")) {
    const [, controllers = "", path = ""] = line.split(":");
    const folder = `/sys/fs/cgroup/${controllers.replace(/^name=/, "")}${path}`;
    for (const name of settings) {
      if (!existsSync(`${folder}/${name}`)) continue;
      const value = (await readFile(`${folder}/${name}`, "utf8")).trim().split("\n").join(" | ");
      found.push(`${name}=${value}`);
    }
  }
  invariant(found.length > 0, "a container has a control group", { pid });
  return [...new Set(found)].sort().join("\n");
}

/** Settings, and what can be read back of it: what a reader of logs is told. */
async function logOf(side: Side, { Id, Config }: Inspected): Promise<string> {
  return await eventually(async () => {
    const path = `/v1.41/containers/${Id}/logs?stdout=1&stderr=1&details=1`;
    const { status, body } = await side.ask({ method: "GET", path });
    if (status !== 200) return `${status} ${body}`;
    const lines = (Config.Tty ? body.toString() : withoutHeaders(body)).trim().split(/\r?\n/);
    expect(lines.at(-1)).toMatch(/ready$/);
    return `${lines[0]?.endsWith("line 0 of much chatter") || lines.length === 1 ? "all" : "its end"}: ${lines.at(-1)?.trim()}`;
  });
}

/** The text of a stream of frames, each with eight bytes before it, the last four its length. */
function withoutHeaders(stream: Buffer): string {
  let text = "";
  for (let at = 0; at + 8 <= stream.length; at += 8 + stream.readUInt32BE(at + 4)) {
    text += stream.subarray(at + 8, at + 8 + stream.readUInt32BE(at + 4)).toString();
  }
  return text;
}
