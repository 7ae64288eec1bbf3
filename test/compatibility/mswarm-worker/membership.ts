// Belonging to a Docker swarm, as an mswarm worker.
import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { dockerodeEngine } from "@mswarm/engine";
import { expect } from "vitest";
import type { DaemonProcess } from "../../support/daemon-process.ts";
import type { DockerSwarm } from "../../support/docker-swarms.ts";
import { eventually } from "../../support/eventually.ts";
import { stayUp } from "../../support/service-specs.ts";

export async function isNoManager(swarm: DockerSwarm): Promise<void> {
  const refusal = await swarm.join("manager").then(
    (id) => `joined as ${id}`,
    (error: Error) => error.message,
  );
  expect(refusal).toContain(
    "managers of this cluster run Docker Engine and mswarm cannot share a quorum with them yet",
  );
  expect(await swarm.worker.status()).toMatchObject({ state: "INACTIVE" });
  // The sentence says how to remove what Docker has written down.
  const [, id = ""] = /docker node rm --force ([a-z0-9]{25})/.exec(refusal) ?? [];
  expect(await swarm.docker("node", "ls", "--format", "{{.ManagerStatus}}")).toMatch(/^(\n|Leader|Reachable)+$/);
  await swarm.docker("node", "rm", "--force", id);
}

export async function joins(swarm: DockerSwarm): Promise<void> {
  const nodeId = await swarm.join();
  await swarm.ready();
  const { Description, Status, Spec } = JSON.parse(await swarm.node("{{json .}}"));
  const engine = dockerodeEngine(swarm.host.address);
  const info = await engine.info();
  expect(Spec).toMatchObject({ Role: "worker", Availability: "active" });
  expect(Status).toMatchObject({ State: "ready" });
  expect(Description).toMatchObject({
    Hostname: swarm.worker.name,
    Platform: { Architecture: info.architecture, OS: "linux" },
    Resources: { NanoCPUs: info.cpus * 1e9, MemoryBytes: info.memoryBytes },
    Engine: { EngineVersion: info.version, Labels: { "mswarm.version": expect.any(String) } },
  });
  const plugins = (type: string): string[] =>
    Description.Engine.Plugins.filter((plugin: { Type: string }) => plugin.Type === type).map(
      ({ Name }: { Name: string }) => Name,
    );
  // No overlay: the managers send no task here that needs one.
  expect(plugins("Network")).toEqual(["bridge", "host", "null"]);
  expect(plugins("Log")).toContain("json-file");
  expect(plugins("Volume")).toEqual(["local"]);
  const manager = JSON.parse(
    await swarm.docker("node", "inspect", "--format", "{{json .Description.TLSInfo}}", "self"),
  );
  expect(Description.TLSInfo).toEqual(manager);
  expect(await swarm.worker.status()).toMatchObject({ state: "ACTIVE", nodeId });
  await eventually(async () => {
    const addresses = swarm.managers.map(({ machine }) => `${machine.address}:2377`);
    expect([...((await swarm.worker.status()).remoteManagers ?? [])].sort()).toEqual(addresses);
  });
  await expect(swarm.worker.control.ListNodes({})).rejects.toThrow(
    "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state.",
  );
}

export async function refusesPromotion(swarm: DockerSwarm): Promise<void> {
  const nodeId = swarm.nodeId;
  const containers = await swarm.running("web", 3);
  await swarm.docker("node", "promote", nodeId);
  await eventually(async () => {
    expect(await swarm.worker.status()).toMatchObject({
      state: "ACTIVE",
      error: expect.stringContaining(`docker node rm --force ${nodeId}`),
    });
  });
  expect((await swarm.worker.status()).isManager ?? false).toBe(false);
  // A promoted node's next certificate is a manager's, also for a node that is none.
  await swarm.worker.restart();
  await rotatesRoot(swarm);
  expect((await swarm.worker.status()).error).toContain("this node was promoted");
  await swarm.worker.restart();
  await eventually(async () => expect((await swarm.worker.status()).error).toContain("this node was promoted"));
  expect(await swarm.running("web", 3)).toEqual(containers);
  expect(await swarm.docker("node", "ls", "--format", "{{.ManagerStatus}}")).toMatch(/^(\n|Leader|Reachable)+$/);
  expect(await role(swarm)).toBe("swarm-manager");
  await swarm.worker.daemon.Leave({});
  await swarm.docker("node", "rm", "--force", nodeId);
  await swarm.join();
  await swarm.running("web", 3);
  expect((await swarm.worker.status()).error ?? "").toBe("");
  expect(await role(swarm)).toBe("swarm-worker");
}

export async function rotatesRoot(swarm: DockerSwarm): Promise<void> {
  const before = await certificate(swarm);
  const root = await swarm.docker("swarm", "ca");
  await swarm.docker("swarm", "ca", "--rotate", "--quiet");
  expect(await swarm.docker("swarm", "ca")).not.toBe(root);
  expect(await certificate(swarm)).not.toBe(before);
  await eventually(async () => {
    const own = await readFile(join(swarm.worker.stateDirectory, "certificates/swarm-root-ca.crt"), "utf8");
    expect(own.trim()).toBe(await swarm.docker("swarm", "ca"));
    expect(await swarm.node("{{.Status.State}}")).toBe("ready");
  });
}

export async function survivesItsDaemon(swarm: DockerSwarm): Promise<void> {
  const before = await swarm.running("web", 3);
  await swarm.worker.kill();
  await swarm.worker.start();
  await swarm.ready();
  expect(await swarm.running("web", 3)).toEqual(before);
  await swarm.quickly(async () => {
    await swarm.worker.stop();
    await eventually(async () => {
      const nodes = await swarm.docker("node", "ls", "--format", "{{.Hostname}} {{.Status}}");
      expect(nodes.split("\n")).toContain(`${swarm.worker.name} Down`);
    });
  });
  expect(await swarm.containers("web")).toEqual(before);
  await swarm.worker.start();
  await swarm.ready();
  // While it was down the managers gave up its tasks: it stops those and starts the new ones.
  const after = await swarm.running("web", 3);
  await eventually(async () => expect(await swarm.containers("web")).toEqual(after));
}

/** @param hasty  the same node, by a daemon that renews its certificate every two seconds */
export async function renewsItsCertificate(swarm: DockerSwarm, hasty: DaemonProcess): Promise<void> {
  const containers = await swarm.running("web", 3);
  await swarm.worker.stop();
  await hasty.start();
  const seen = new Set<string>();
  try {
    await eventually(async () => {
      seen.add(await certificate(swarm));
      expect(seen.size).toBeGreaterThan(3);
    });
    // Also with a new session, and for its logs.
    await hasty.restart();
    await swarm.create("fresh", [], ["sh", "-c", `echo hello; ${stayUp}`]);
    await swarm.running("fresh", 1);
    await eventually(async () => expect(await swarm.docker("service", "logs", "--raw", "fresh")).toBe("hello"));
    await swarm.remove("fresh");
    expect(await swarm.running("web", 3)).toEqual(containers);
  } finally {
    await hasty.stop();
    await swarm.worker.start();
  }
  await swarm.ready();
}

export async function outlivesALeader(swarm: DockerSwarm): Promise<void> {
  const before = await swarm.running("web", 3);
  await swarm.kill(await swarm.leader());
  await swarm.leader();
  await swarm.ready();
  expect(await swarm.running("web", 3)).toEqual(before);
  await swarm.docker("service", "scale", "--detach", "web=2");
  await swarm.running("web", 2);
}

export async function forgetsARemovedManager(swarm: DockerSwarm): Promise<void> {
  const dead = swarm.managers.filter((manager) => !swarm.lives(manager)).map(({ name }) => name);
  expect(dead).toHaveLength(1);
  await swarm.docker("node", "demote", ...dead);
  await eventually(() => swarm.docker("node", "rm", "--force", ...dead));
  const left = swarm.managers.filter((manager) => swarm.lives(manager)).map(({ machine }) => `${machine.address}:2377`);
  await eventually(async () => expect([...((await swarm.worker.status()).remoteManagers ?? [])].sort()).toEqual(left));
  await swarm.ready();
}

export async function leavesAndComesBack(swarm: DockerSwarm): Promise<void> {
  const nodeId = swarm.nodeId;
  await swarm.quickly(async () => {
    await swarm.worker.daemon.Leave({});
    expect(await swarm.worker.status()).toMatchObject({ state: "INACTIVE" });
    const label = `label=com.docker.swarm.node.id=${nodeId}`;
    expect(await swarm.host.docker("ps", "--all", "--quiet", "--filter", label)).toBe("");
    await eventually(async () => {
      expect(await swarm.docker("node", "inspect", "--format", "{{.Status.State}}", nodeId)).toBe("down");
    });
  });
  await swarm.docker("node", "rm", nodeId);
  expect(await swarm.join()).not.toBe(nodeId);
  await swarm.running("web", 2);
}

export async function isRemoved(swarm: DockerSwarm): Promise<void> {
  const nodeId = swarm.nodeId;
  await swarm.docker("node", "rm", "--force", nodeId);
  await eventually(async () => expect(await swarm.containers("web")).toEqual([]));
  // A follower passes on what a removed node says, and the leader goes on answering it: only a new session tells.
  await swarm.worker.restart();
  await eventually(async () => {
    const { state, error } = await swarm.worker.status();
    expect(state).toBe("ERROR");
    expect(error).toBe(
      "This node was removed from its swarm, and its tasks were stopped. To come back, leave the swarm and join again.",
    );
    expect(await swarm.containers("web", "--all")).toEqual([]);
  });
  await swarm.worker.daemon.Leave({});
  await swarm.join();
  await swarm.running("web", 2);
}

function certificate({ worker }: DockerSwarm): Promise<string> {
  return readFile(join(worker.stateDirectory, "certificates/swarm-node.crt"), "utf8");
}

async function role(swarm: DockerSwarm): Promise<string> {
  return /^OU=(.+)$/m.exec(new X509Certificate(await certificate(swarm)).subject)?.[1] ?? "";
}
