// What services are for an mswarm worker in a Docker swarm.
import { spawn } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { dateOf, systemClock } from "@mswarm/runtime";
import { expect } from "vitest";
import type { DockerSwarm } from "../../support/docker-swarms.ts";
import { eventually } from "../../support/eventually.ts";
import { stayUp } from "../../support/service-specs.ts";

/** @param secret  what the service is to read */
export async function runsFullService(swarm: DockerSwarm, secret: string): Promise<void> {
  const { host } = swarm;
  const shown = `{{.Service.Name}} on {{.Node.Hostname}}`;
  // By files, because an argument of a process is no place for a secret.
  const folder = join(host.folder, swarm.worker.name);
  await mkdir(folder);
  await writeFile(join(folder, "password"), secret);
  await writeFile(join(folder, "motd"), shown);
  await swarm.docker("secret", "create", "password", join(folder, "password"));
  await swarm.docker("config", "create", "--template-driver", "golang", "motd", join(folder, "motd"));
  await rm(folder, { recursive: true });
  await swarm.create(
    "full",
    [
      ...["--replicas", "2", "--hostname", "{{.Task.Slot}}-of-{{.Service.Name}}", "--env", "WHO={{.Task.Name}}"],
      ...["--secret", "source=password,target=deep/password,uid=1000,gid=1001,mode=0440"],
      ...["--config", "source=motd,target=/etc/motd,mode=0444"],
      ...["--mount", "type=tmpfs,target=/scratch", "--mount", "type=volume,source=full-{{.Task.Slot}},target=/kept"],
      ...["--mount", `type=bind,source=${host.folder},target=/host,readonly`, "--container-label", "flavor=plain"],
      ...["--limit-cpu", "0.5", "--limit-memory", "64M", "--publish", "mode=host,target=80", "--read-only"],
      ...["--health-cmd", "test -e /scratch/up", "--health-interval", "200ms", "--health-retries", "100"],
      ...["--update-order", "start-first", "--update-monitor", "200ms", "--rollback-monitor", "200ms"],
    ],
    ["sh", "-c", `sleep 0.5; touch /scratch/up; ${stayUp}`],
  );
  const containers = await swarm.running("full", 2);
  for (const [index, container] of containers.entries()) {
    expect(await swarm.exec(container, "cat", "/run/secrets/deep/password")).toBe(secret);
    expect(await swarm.exec(container, "stat", "-c", "%u:%g %a", "/run/secrets/deep/password")).toBe("1000:1001 440");
    expect(await swarm.exec(container, "cat", "/etc/motd")).toBe(`full on ${swarm.worker.name}`);
    expect(await swarm.exec(container, "hostname")).toMatch(/^[12]-of-full$/);
    expect(await swarm.exec(container, "env")).toMatch(/^WHO=full\.[12]\.[a-z0-9]{25}$/m);
    const mounts = await swarm.exec(container, "cat", "/proc/mounts");
    for (const mount of [
      /^tmpfs \/scratch tmpfs/m,
      / \/kept /,
      / \/host .*\bro\b/,
      /^\S+ \/run\/secrets\/deep\/password tmpfs ro/m,
    ]) {
      expect(mounts, `${index}`).toMatch(mount);
    }
    const limits =
      "{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}} {{.HostConfig.ReadonlyRootfs}} {{.State.Health.Status}}";
    expect(await host.docker("inspect", "--format", limits, container)).toBe(`500000000 ${64 << 20} true healthy`);
    expect(await host.docker("inspect", "--format", '{{index .Config.Labels "flavor"}}', container)).toBe("plain");
  }
  const ports = (await swarm.tasks("full")).map(({ Status }) => Status.PortStatus?.Ports?.[0]?.PublishedPort ?? 0);
  expect(ports.every((port) => port > 1024)).toBe(true);
}

export async function updatesAndRollsBack(swarm: DockerSwarm): Promise<void> {
  const before = await swarm.running("full", 2);
  const done = await afterUpdate(swarm, "completed", () => swarm.update("full", "--env-add", "ROUND=two"));
  for (const container of await swarm.running("full", 2)) {
    expect(before).not.toContain(container);
    expect(await swarm.exec(container, "env")).toContain("ROUND=two");
  }
  const back = await afterUpdate(swarm, "rollback_completed", () => swarm.rollback("full"), done);
  expect(await swarm.exec((await swarm.running("full", 2))[0], "env")).not.toContain("ROUND=two");
  const broken = ["--args", "false", "--update-failure-action", "rollback"];
  await afterUpdate(swarm, "rollback_completed", () => swarm.update("full", ...broken), back);
  for (const container of await swarm.running("full", 2)) {
    expect(await swarm.exec(container, "cat", "/run/secrets/deep/password")).not.toBe("");
  }
}

/** Waits until an update has ended that is not the one `previous` stands for; gives what stands for it. */
async function afterUpdate(
  swarm: DockerSwarm,
  state: string,
  update: () => Promise<void>,
  previous = "",
): Promise<string> {
  await update();
  return await eventually(async () => {
    const found = JSON.parse(await swarm.docker("service", "inspect", "--format", "{{json .UpdateStatus}}", "full"));
    expect(found).toMatchObject({ State: state, StartedAt: expect.not.stringMatching(previous || "never") });
    return found.StartedAt as string;
  });
}

export async function scalesAndRemoves(swarm: DockerSwarm): Promise<void> {
  await swarm.docker("service", "scale", "--detach", "full=4");
  await swarm.running("full", 4);
  await swarm.docker("service", "scale", "--detach", "full=1");
  const [last] = await swarm.running("full", 1);
  // Stopped ones stay for whoever wants their logs, until the managers forget them.
  await eventually(async () => expect(await swarm.containers("full")).toEqual([last]));
  await swarm.remove("full");
  await swarm.docker("secret", "rm", "password");
  await swarm.docker("config", "rm", "motd");
}

export async function restartsAndRunsJobs(swarm: DockerSwarm): Promise<void> {
  const policy = ["--restart-condition", "on-failure", "--restart-max-attempts", "2"];
  await swarm.create("failing", policy, ["sh", "-c", "echo no >&2; exit 7"]);
  await swarm.create("unhealthy", ["--health-cmd", "false", "--health-interval", "100ms", "--health-retries", "1"]);
  await swarm.create("job", ["--mode", "replicated-job", "--replicas", "3"], ["true"]);
  await swarm.create("everywhere", ["--mode", "global-job"], ["true"]);
  await swarm.create("nothing", ["--restart-condition", "none"], ["no-such-program"]);
  await eventually(async () => {
    const tasks = await swarm.tasks("failing");
    expect(tasks.map(({ Status }) => [Status.State, Status.Err, Status.ContainerStatus?.ExitCode])).toEqual(
      Array(3).fill(["failed", "task: non-zero exit (7)", 7]),
    );
    const errors = (await swarm.tasks("unhealthy")).map(({ Status }) => Status.Err ?? "");
    expect(errors).toContainEqual(expect.stringContaining("unhealthy container"));
    for (const [name, count] of [
      ["job", 3],
      ["everywhere", 1],
    ] as const) {
      expect((await swarm.tasks(name)).map(({ Status }) => Status.State)).toEqual(Array(count).fill("complete"));
    }
    const [broken] = await swarm.tasks("nothing");
    expect(broken?.Status).toMatchObject({ State: "failed", Err: expect.stringContaining("no-such-program") });
  });
  await swarm.remove("failing", "unhealthy", "nothing");
  // A manager of 20.10 goes on assigning the tasks of a job that was removed (fixed later), so that its containers stay.
  await swarm.docker("service", "rm", "job", "everywhere");
}

export async function needsNoOverlay(swarm: DockerSwarm): Promise<void> {
  await swarm.docker("network", "create", "--driver", "overlay", "back");
  await swarm.create("attached", ["--network", "back"]);
  await swarm.create("published", ["--publish", "published=8080,target=80"]);
  await swarm.create("hosted", ["--network", "host"]);
  await swarm.running("hosted", 1);
  for (const name of ["attached", "published"]) {
    await eventually(async () => {
      const [task, ...others] = await swarm.tasks(name);
      expect(others).toEqual([]);
      expect(task?.Status).toMatchObject({ State: "pending", Err: expect.stringContaining("missing plugin") });
    });
  }
  await swarm.docker("service", "rm", "attached", "published", "hosted");
  await eventually(() => swarm.docker("network", "rm", "back"));
}

export async function showsLogs(swarm: DockerSwarm): Promise<void> {
  const lines = ["line 1", "line 2", "line 3"];
  const talk = lines.map((line) => `echo ${line}`).join("; ");
  await swarm.create(
    "talker",
    [],
    ["sh", "-c", `${talk}; while ! test -e /tmp/go; do sleep 0.1; done; echo late; ${stayUp}`],
  );
  const [container] = await swarm.running("talker", 1);
  const logs = async (...flags: readonly string[]): Promise<readonly string[]> =>
    (await swarm.docker("service", "logs", "--raw", ...flags, "talker")).split("\n");
  await eventually(async () => expect(await logs()).toEqual(lines));
  expect(await logs("--tail", "2")).toEqual(lines.slice(1));
  const between = dateOf(systemClock().now()).toISOString();
  const { address } = (await swarm.leader()).engine;
  const follow = spawn("docker", ["-H", address, "service", "logs", "--raw", "--follow", "--tail", "1", "talker"]);
  try {
    let followed = "";
    follow.stdout.on("data", (data: Buffer) => {
      followed += data.toString();
    });
    await eventually(() => expect(followed).toBe("line 3\n"));
    await swarm.exec(container, "touch", "/tmp/go");
    await eventually(() => expect(followed).toBe("line 3\nlate\n"));
  } finally {
    follow.kill();
  }
  expect(await logs("--since", between)).toEqual(["late"]);
  await swarm.remove("talker");
}

export async function drainsAndPauses(swarm: DockerSwarm): Promise<void> {
  const available = async (word: string): Promise<void> => {
    await swarm.docker("node", "update", "--availability", word, swarm.nodeId);
  };
  await swarm.create("web", ["--replicas", "2"]);
  const first = await swarm.running("web", 2);
  await available("pause");
  await swarm.docker("service", "scale", "--detach", "web=3");
  await eventually(async () => {
    const states = (await swarm.tasks("web")).map(({ Status }) => Status.State);
    expect(states.sort()).toEqual(["pending", "running", "running"]);
  });
  expect(await swarm.containers("web")).toEqual(first);
  await available("drain");
  await eventually(async () => expect(await swarm.containers("web")).toEqual([]));
  await available("active");
  await swarm.running("web", 3);
}
