// What docker stores for the same command line, recorded from CLI 28.2.2 with Engine 20.10.24 (fixtures/docker-28.2.2).
import { readFileSync } from "node:fs";
import { serviceSpec } from "@mswarm/docker-json";
import type { ServiceSpec } from "@mswarm/wire";
import { expect, test } from "vitest";
import { run } from "../testing/test-context.ts";

interface Recorded {
  readonly Spec: RecordedSpec;
}
interface RecordedSpec {
  readonly TaskTemplate: { readonly ContainerSpec: Record<string, unknown> };
}

const recorded = (name: string): RecordedSpec => {
  const text = readFileSync(new URL(`../../fixtures/docker-28.2.2/${name}`, import.meta.url), "utf8");
  const [service] = JSON.parse(text) as [Recorded];
  return service.Spec;
};

/** Lists whose order means nothing, sorted; fields that are undefined, gone. */
function comparable(spec: object): object {
  const copy = JSON.parse(JSON.stringify(spec)) as RecordedSpec;
  const container = copy.TaskTemplate.ContainerSpec;
  for (const field of ["Secrets", "Configs", "Env", "Mounts"]) {
    const list = container[field];
    if (Array.isArray(list)) container[field] = list.map((item) => JSON.stringify(item)).sort();
  }
  return copy;
}

const ids = {
  secret: "piclpf5e9qfza9818akb6hody",
  config: "nyprt4omjx3l0mu6006lqfzm8",
  network: "6pbnbsmqav0vsrnp72q2wqy9t",
};
const predefined = {
  id: ids.network,
  spec: { annotations: { name: "host", labels: { "com.docker.swarm.predefined": "true" } } },
};

const lists = {
  ListSecrets: async () => ({ secrets: [{ id: ids.secret, spec: { annotations: { name: "s1" } } }] }),
  ListConfigs: async () => ({ configs: [{ id: ids.config, spec: { annotations: { name: "c1" } } }] }),
  ListNetworks: async () => ({ networks: [predefined] }),
};

async function create(...argv: string[]): Promise<ServiceSpec> {
  const result = await run(["service", "create", "--detach", ...argv], {
    control: { ...lists, CreateService: async () => ({ service: { id: "s" } }) },
  });
  expect(result.err).toBe("");
  const [, request] = result.requests.find(([method]) => method === "CreateService") ?? [];
  return (request as { spec: ServiceSpec }).spec;
}

async function update(current: ServiceSpec, ...argv: string[]): Promise<ServiceSpec> {
  const service = { id: "s", meta: { version: { index: "7" } }, spec: current };
  const result = await run(["service", "update", "--detach", ...argv, "full"], {
    control: { ...lists, GetService: async () => ({ service }), UpdateService: async () => ({}) },
  });
  expect(result.err).toBe("");
  const [, request] = result.requests.find(([method]) => method === "UpdateService") ?? [];
  const { spec, serviceVersion } = request as { spec: ServiceSpec; serviceVersion: object };
  expect(serviceVersion).toEqual({ index: "7" });
  return spec;
}

const everyFlag = [
  ...[
    "--name",
    "full",
    "--no-resolve-image",
    "--network",
    "host",
    "--replicas",
    "0",
    "-e",
    "A=1",
    "-e",
    "B",
    "--env",
    "C=x=y",
  ],
  ...["-l", "svc=1", "-l", "plain", "--container-label", "cl=2"],
  ...[
    "--mount",
    "type=volume,source=v1,target=/data,readonly,volume-nocopy=true,volume-label=a=b,volume-driver=local,volume-opt=type=nfs",
  ],
  ...["--mount", "type=bind,src=/tmp,dst=/mnt,bind-propagation=rslave"],
  ...["--mount", "type=tmpfs,target=/t,tmpfs-size=64m,tmpfs-mode=1770"],
  ...["--secret", "s1", "--secret", "source=s1,target=other,uid=5,gid=6,mode=0400"],
  ...["--config", "c1", "--config", "src=c1,target=/etc/c,mode=0440"],
  ...[
    "--constraint",
    "node.role==manager",
    "--constraint",
    "node.labels.a != b",
    "--placement-pref",
    "spread=node.labels.zone",
  ],
  ...["--replicas-max-per-node", "3", "--limit-cpu", "0.5", "--limit-memory", "64m", "--reserve-cpu", ".25"],
  ...["--reserve-memory", "32M", "--limit-pids", "100", "--restart-condition", "on-failure", "--restart-delay", "3s"],
  ...["--restart-max-attempts", "4", "--restart-window", "1m30s", "--update-parallelism", "0", "--update-delay", "10s"],
  ...["--update-order", "start-first", "--update-failure-action", "rollback", "--update-monitor", "7s"],
  ...["--update-max-failure-ratio", "0.25", "--rollback-parallelism", "2", "--rollback-delay", "1s"],
  ...["--rollback-failure-action", "continue", "--rollback-monitor", "2s", "--rollback-max-failure-ratio", ".1"],
  ...[
    "--rollback-order",
    "start-first",
    "--hostname",
    "h-{{.Task.Slot}}",
    "--user",
    "1:2",
    "--group",
    "g1",
    "--workdir",
    "/w",
  ],
  ...[
    "--entrypoint",
    "sh -c 'a b'",
    "--tty",
    "--read-only",
    "--init",
    "--stop-signal",
    "SIGINT",
    "--stop-grace-period",
    "20s",
  ],
  ...["--health-cmd", "true", "--health-interval", "10s", "--health-timeout", "2s", "--health-retries", "4"],
  ...[
    "--health-start-period",
    "5s",
    "--cap-add",
    "NET_ADMIN",
    "--cap-drop",
    "chown",
    "--sysctl",
    "net.ipv4.ip_forward=1",
  ],
  ...["--ulimit", "nofile=100:200", "--ulimit", "nproc=5", "--dns", "1.1.1.1", "--dns-search", "ex.org"],
  ...["--dns-option", "ndots:2", "--host", "h1:10.0.0.1", "--log-driver", "json-file", "--log-opt", "max-size=1m"],
  ...["-p", "mode=host,target=80,published=8080", "-p", "published=53,target=53,protocol=udp,mode=host"],
  ...["--endpoint-mode", "vip", "bb:1", "echo", "hi there"],
];

const everyChange = [
  ...["--env-add", "NEW=1", "--env-rm", "A", "--label-add", "l=2", "--label-rm", "svc", "--mount-rm", "/mnt"],
  ...["--mount-add", "type=bind,src=/usr,dst=/usr", "--secret-rm", "s1", "--config-rm", "c1"],
  ...["--constraint-rm", "node.role==manager", "--constraint-add", "node.role==worker"],
  ...["--publish-rm", "mode=ingress,target=80", "--publish-add", "mode=host,target=81,published=8081"],
  ...["--args", "x 'y z'", "--force", "--replicas", "1", "--cap-add", "SYS_TIME", "--cap-drop", "NET_ADMIN"],
  ...["--host-rm", "h1:10.0.0.1", "--host-add", "h2:1.1.1.2", "--dns-rm", "1.1.1.1", "--group-rm", "g1"],
  ...[
    "--container-label-rm",
    "cl",
    "--sysctl-rm",
    "net.ipv4.ip_forward",
    "--placement-pref-rm",
    "spread=node.labels.zone",
  ],
  ...["--no-healthcheck", "--hostname", ""],
];

test("create with every flag makes the spec that docker makes", async () => {
  const spec = serviceSpec.write(await create(...everyFlag));
  expect(comparable(spec)).toEqual(comparable(recorded("service-full.json")));
});

test("update with every kind of change makes the spec that docker makes", async () => {
  const spec = serviceSpec.write(await update(await create(...everyFlag), ...everyChange)) as object as RecordedSpec;
  const wanted = recorded("service-full-updated.json");
  const ports = (of: object): string[] => {
    const { EndpointSpec } = of as { EndpointSpec: { Ports: { TargetPort: number }[] } };
    return EndpointSpec.Ports.map((port) => JSON.stringify(port)).sort();
  };
  expect(ports(spec)).toEqual(ports(wanted));
  expect({ ...comparable(spec), EndpointSpec: 0 }).toEqual({ ...comparable(wanted), EndpointSpec: 0 });
});

test("a plain service says nothing that was not asked for", async () => {
  expect(await create("--name", "web", "bb:1", "sleep", "1000")).toEqual({
    annotations: { name: "web" },
    task: { container: { image: "bb:1", args: ["sleep", "1000"] } },
    replicated: { replicas: "1" },
  });
});

test("flags after the image belong to the container", async () => {
  const spec = await create("--name=web", "bb:1", "run", "--name=x", "--detach=false", "-e", "A=1");
  expect(spec.task?.container?.args).toEqual(["run", "--name=x", "--detach=false", "-e", "A=1"]);
  expect(spec.annotations?.name).toBe("web");
});

test("a restart policy that only has a delay still restarts", async () => {
  const spec = await create("--restart-delay", "1s", "bb:1");
  expect(spec.task?.restart).toMatchObject({ condition: "ANY", delay: { seconds: "1" } });
});

test("an update policy that only has an order still goes one by one", async () => {
  const spec = await create("--update-order", "start-first", "bb:1");
  expect(spec.update).toMatchObject({ parallelism: "1", order: "START_FIRST" });
});

test("environment files and the shell's variables reach the container, later ones win", async () => {
  const result = await run(["service", "create", "-d", "--env-file", "/f", "-e", "A=3", "-e", "HOME", "bb:1"], {
    files: { "/f": "A=1\nB=2\n" },
    environment: { HOME: "/root" },
    control: { CreateService: async () => ({ service: { id: "s" } }) },
  });
  const [, request] = result.requests.find(([method]) => method === "CreateService") ?? [];
  expect((request as { spec: ServiceSpec }).spec.task?.container?.env).toEqual(["A=3", "B=2", "HOME=/root"]);
});

test("an update without flags changes nothing", async () => {
  const spec = await create(...everyFlag);
  expect(await update(spec)).toEqual(spec);
});

test("force makes every update a change", async () => {
  const spec = await update(await update(await create("bb:1"), "--force"), "--force");
  expect(spec.task?.forceUpdate).toBe("2");
});

test("a port is removed by its target, in whatever mode it was published", async () => {
  const spec = await create("-p", "mode=host,target=80,published=8080", "bb:1");
  expect((await update(spec, "--publish-rm", "80")).endpoint?.ports).toBeUndefined();
});

test("a health check that was switched off is switched on by a new command", async () => {
  const off = await create("--no-healthcheck", "bb:1");
  expect(off.task?.container?.healthcheck).toEqual({ test: ["NONE"] });
  const on = await update(off, "--health-cmd", "true", "--health-interval", "1s");
  expect(on.task?.container?.healthcheck).toEqual({
    test: ["CMD-SHELL", "true"],
    interval: { seconds: "1", nanos: 0 },
  });
});

test("registry credentials are sent only when they are asked for, and only those of the image's registry", async () => {
  const auth = Buffer.from("me:pa:ss").toString("base64");
  const setting = {
    files: { "/home/u/.docker/config.json": JSON.stringify({ auths: { "reg.example:5000": { auth } } }) },
    environment: { HOME: "/home/u" },
    control: { CreateService: async () => ({ service: { id: "s" } }) },
  };
  const authOf = async (...argv: string[]): Promise<string | undefined> => {
    const { requests } = await run(["service", "create", "-d", ...argv], setting);
    const [, request] = requests.find(([method]) => method === "CreateService") ?? [];
    return (request as { spec: ServiceSpec }).spec.task?.container?.pullOptions?.registryAuth;
  };
  expect(await authOf("reg.example:5000/a:1")).toBeUndefined();
  const sent = JSON.parse(
    Buffer.from((await authOf("--with-registry-auth", "reg.example:5000/a:1")) ?? "", "base64url").toString(),
  );
  expect(sent).toEqual({ username: "me", password: "pa:ss", serveraddress: "reg.example:5000" });
  expect(await authOf("--with-registry-auth", "busybox")).toBe("e30=");
});

test("jobs have their two numbers, and the one that is not given follows the other", async () => {
  const numbers = async (...flags: string[]): Promise<unknown> =>
    (await create("--mode", "replicated-job", ...flags, "bb:1")).replicatedJob;
  expect(await numbers("--replicas", "5")).toEqual({ maxConcurrent: "5", totalCompletions: "5" });
  expect(await numbers("--replicas", "5", "--max-concurrent", "2")).toEqual({
    maxConcurrent: "2",
    totalCompletions: "5",
  });
  expect(await numbers()).toEqual({ maxConcurrent: "1", totalCompletions: "1" });
  expect((await create("--mode", "global-job", "bb:1")).globalJob).toEqual({});
  const job = await create("--mode", "replicated-job", "bb:1");
  const next = await update(job, "--max-concurrent", "3", "--replicas", "6", "--force");
  expect(next).toMatchObject({
    replicatedJob: { maxConcurrent: "3", totalCompletions: "6" },
    task: { forceUpdate: "1" },
  });
});

test.each([
  ["service create --mode replicated-job --update-delay 2s bb:1", "update and rollback configuration is not supported"],
  ["service create --max-concurrent 2 bb:1", "max-concurrent can only be used with replicated-job mode"],
  ["service create --mode global-job --replicas 2 bb:1", "replicas can only be used with replicated"],
  ["service create --generic-resource gpu=a bb:1", "Named Generic Resources is not supported"],
  ["service create --generic-resource gpu bb:1", "expected `name=value`"],
  ["service create --generic-resource gpu=-1 bb:1", "cannot ask for negative resource gpu"],
])("`mswarm %s` says what is wrong", async (command, message) => {
  const result = await run(command.split(" "));
  expect(result.exitCode).toBeGreaterThan(0);
  expect(result.err).toContain(message);
  expect(result.requests).toEqual([]);
});

test("generic resources are reserved by kind, replaced and removed", async () => {
  const reserved = (spec: ServiceSpec): unknown => spec.task?.resources?.reservations?.generic;
  const spec = await create("--generic-resource", "gpu=1", "--generic-resource", "ssd=2", "bb:1");
  const [gpu, ssd] = [
    { kind: "gpu", value: "1" },
    { kind: "ssd", value: "2" },
  ];
  expect(reserved(spec)).toEqual([{ discreteResourceSpec: gpu }, { discreteResourceSpec: ssd }]);
  const more = await update(spec, "--generic-resource-add", "gpu=5");
  expect(reserved(more)).toEqual([{ discreteResourceSpec: { ...gpu, value: "5" } }, { discreteResourceSpec: ssd }]);
  expect(reserved(await update(more, "--generic-resource-rm", "gpu"))).toEqual([{ discreteResourceSpec: ssd }]);
});
