import { alreadyExists, failedPrecondition, invalidArgument, unavailable } from "@mswarm/runtime";
import type { ClusterSpec, Node, NodeSpec } from "@mswarm/wire";
import { expect, test } from "vitest";
import { addLab } from "./commands/lab.ts";
import { run, type TestSetting } from "./testing/test-context.ts";

const token = "SWMTKN-1-60uy207dtev5wh3dl7qi8v6jpo8008hlzz3d71ve89xqzipeuc-3qz6hnt9atn77wystpnqpkubj";
const cluster = {
  id: "c1",
  meta: { version: { index: "5" } },
  spec: { annotations: { name: "default" }, orchestration: { taskHistoryRetentionLimit: "5" } },
  rootCa: { joinTokens: { worker: token, manager: token.replace("SWMTKN-1-6", "SWMTKN-1-7") } },
};
const node = (id: string, hostname: string, spec: NodeSpec = {}): Node => ({
  id,
  meta: { version: { index: "3" } },
  spec,
  description: { hostname },
});

test.each([
  ["nope", "unknown command 'nope'"],
  ["service crate x", "Did you mean create?"],
  ["service create", "missing required argument"],
  ["service create --nope x", "unknown option '--nope'"],
  ["service create --replicas -1 x", 'strconv.ParseUint: parsing "-1"'],
  ["service create --limit-memory zz bb:1", 'invalid argument "zz" for "--limit-memory" flag: invalid size: \'zz\''],
  ["service create --restart-delay 5 bb:1", "time: missing unit in duration"],
  ["service create --mount type=foo,target=/x bb:1", 'invalid MountType: "foo"'],
  ["service create --mode global --replicas 2 bb:1", "replicas can only be used with replicated"],
  ["service scale web", "expected SERVICE=REPLICAS"],
  ["service scale web=x", "web: invalid replicas value x"],
  ["join-token nope", "unknown role nope"],
  ["join 10.0.0.1", "a join token is needed"],
  ["update", "nothing to change"],
  ["update --cert-expiry 5", "time: missing unit"],
  ["node update --role king n1", "must be one of worker, manager"],
  ["node ls --filter colour=red", "invalid filter 'colour'"],
  ["status --format yaml", "--format"],
  ["--host tcp://1.2.3.4 node ls", "the control socket must be unix:///path"],
  ["node", "Usage: mswarm node"],
])("`mswarm %s` is a usage error: exit code 2 and a hint", async (command, message) => {
  const result = await run(command.split(" "), { control: { GetNode: async () => ({ node: node("n1", "h") }) } });
  expect(result.exitCode).toBe(2);
  expect(result.err).toContain(message);
  if (command !== "node") expect(result.err).toContain("--help");
  expect(result.out).toBe("");
});

test.each([
  "init --autolock",
  "init --force-new-cluster",
  "init --data-path-addr eth0",
  "init --default-addr-pool 10.0.0.0/8",
  "init --external-ca protocol=cfssl,url=https://x",
  "join --data-path-addr eth0 --token t 10.0.0.1",
  "update --autolock",
  "update --external-ca protocol=cfssl,url=https://x",
  "ca --rotate",
  "unlock-key",
  "stack deploy -c x.yml y",
  "network create --driver overlay n",
  "service create -p 8080:80 bb:1",
  "secret create --driver vault s -",
])("`mswarm %s` comes later: refused with a sentence, exit code 1", async (command) => {
  const result = await run(command.split(" "));
  expect(result.exitCode).toBe(1);
  expect(result.err).toMatch(/not available/);
  expect(result.requests.filter(([method]) => !/^(List|Get)/.test(method))).toEqual([]);
});

test("what the daemon refuses is shown in docker's words, exit code 1", async () => {
  const refusals: [string, TestSetting, string][] = [
    [
      "leave",
      { daemon: { Leave: async () => Promise.reject(unavailable("You are attempting to leave ")) } },
      "You are attempting to leave",
    ],
    [
      "service create web",
      {
        control: {
          CreateService: async () =>
            Promise.reject(alreadyExists("name conflicts with an existing object: service web already exists")),
        },
      },
      "name conflicts with an existing object: service web already exists",
    ],
    ["node rm nope", {}, "node nope not found"],
    [
      "node ls",
      { control: { ListNodes: async () => Promise.reject(unavailable("This node is not a swarm manager.")) } },
      "This node is not a swarm manager.",
    ],
  ];
  for (const [command, setting, message] of refusals) {
    const result = await run(command.split(" "), setting);
    expect(result.exitCode).toBe(1);
    expect(result.err).toBe(`Error response from daemon: ${message}\n`);
  }
});

test("what fails without a daemon is not called its answer", async () => {
  const daemon = await run(["daemon", "--engine", "foo", "--state-dir", "/nonexistent/state"]);
  expect(daemon).toMatchObject({ exitCode: 1, err: expect.stringMatching(/^engine address foo/) });
  const lab = await run(["lab", "up", "--managers", "0"], { more: [addLab] });
  expect(lab).toMatchObject({ exitCode: 1, err: expect.stringMatching(/^a lab has 1 to 7 managers/) });
});

test("several arguments: what can be done is done, the rest is reported", async () => {
  const setting: TestSetting = {
    control: {
      GetService: async ({ serviceId }) => (serviceId === "web" ? { service: { id: "s1" } } : {}),
      RemoveService: async () => ({}),
    },
  };
  const result = await run(["service", "rm", "nope", "web"], setting);
  expect(result).toMatchObject({
    exitCode: 1,
    out: "web\n",
    err: "Error response from daemon: service nope not found\n",
  });
  const inspected = await run(["service", "inspect", "nope"], setting);
  expect(inspected).toMatchObject({ exitCode: 1, out: "[]\n", err: "no such service: nope\n" });
});

test("an ambiguous prefix is refused, an exact name wins over prefixes", async () => {
  const all = [node("aa1", "aa"), node("aa2", "other"), node("bb1", "twin"), node("bb2", "twin")];
  const ListNodes: NonNullable<TestSetting["control"]>["ListNodes"] = async ({ filters }) => ({
    nodes: all.filter(
      ({ id = "", description }) =>
        filters?.names?.includes(description?.hostname ?? "") ||
        filters?.idPrefixes?.some((prefix) => id.startsWith(prefix)),
    ),
  });
  const remove = (text: string) => run(["node", "rm", text], { control: { ListNodes, RemoveNode: async () => ({}) } });
  expect((await remove("aa")).requests.at(-1)).toEqual(["RemoveNode", { nodeId: "aa1", force: false }]);
  expect((await remove("bb1")).exitCode).toBe(0);
  expect((await remove("b")).err).toContain("node b is ambiguous (2 matches found)");
  expect((await remove("twin")).err).toContain("node twin is ambiguous (2 matches found)");
});

test("init says how to go on, and starts a daemon where none answers", async () => {
  const result = await run(["init", "--advertise-addr", "10.0.0.1"], {
    isDaemonDown: true,
    daemon: { Init: async () => ({ nodeId: "n1" }), Status: async () => ({ advertiseAddr: "10.0.0.1:2377" }) },
    control: { ListClusters: async () => ({ clusters: [cluster] }) },
  });
  expect(result.err).toContain("No daemon answers at unix:///var/run/mswarm/control.sock; starting one");
  expect(result.out).toBe(
    `Swarm initialized: current node (n1) is now a manager.\n\nTo add a worker to this swarm, run the following command:\n\n    mswarm join --token ${token} 10.0.0.1:2377\n\nTo add a manager to this swarm, run 'mswarm join-token manager' and follow the instructions.\n\n`,
  );
  expect(result.requests[0]).toEqual([
    "Init",
    { listenAddr: "0.0.0.0:2377", advertiseAddr: "10.0.0.1", availability: "active" },
  ]);
});

test("the join token may come from standard input or a file, so that no process list shows it", async () => {
  const daemon: TestSetting["daemon"] = { Join: async () => ({ nodeId: "n2", isManager: true }) };
  const piped = await run(["join", "--token", "-", "10.0.0.1", "10.0.0.2:99"], { daemon, input: `${token}\n` });
  expect(piped.out).toBe("This node joined a swarm as a manager.\n");
  expect(piped.requests.at(-1)?.[1]).toMatchObject({ joinToken: token, remoteAddrs: ["10.0.0.1", "10.0.0.2:99"] });
  const fromFile = await run(["join", "--token-file", "/t", "--format", "json", "10.0.0.1"], {
    daemon,
    files: { "/t": token },
  });
  expect(JSON.parse(fromFile.out)).toEqual({ NodeID: "n2", Role: "manager" });
});

test("a refused join does not repeat the token", async () => {
  const daemon: TestSetting["daemon"] = { Join: async () => Promise.reject(invalidArgument("invalid join token")) };
  const result = await run(["join", "--token", token, "10.0.0.1"], { daemon });
  expect(result.err).toBe("Error response from daemon: invalid join token\n");
});

test("join-token shows the command, the token alone, or rotates first", async () => {
  const setting: TestSetting = {
    control: { ListClusters: async () => ({ clusters: [cluster] }), UpdateCluster: async () => ({}) },
    daemon: { Status: async () => ({ advertiseAddr: "10.0.0.1:2377" }) },
  };
  expect((await run(["join-token", "-q", "worker"], setting)).out).toBe(`${token}\n`);
  const rotated = await run(["join-token", "--rotate", "worker"], setting);
  expect(rotated.out).toContain("Successfully rotated worker join token.\n\nTo add a worker");
  expect(rotated.requests[1]).toEqual([
    "UpdateCluster",
    {
      clusterId: "c1",
      clusterVersion: { index: "5" },
      spec: cluster.spec,
      rotation: { workerJoinToken: true, managerJoinToken: false },
    },
  ]);
});

test("update changes what is said and keeps the rest; a stale version is tried again", async () => {
  let failures = 1;
  const specs: ClusterSpec[] = [];
  const result = await run(["update", "--task-history-limit", "3", "--cert-expiry", "2h"], {
    control: {
      ListClusters: async () => ({ clusters: [cluster] }),
      UpdateCluster: async ({ spec }) => {
        failures -= 1;
        if (failures >= 0) throw failedPrecondition("update out of sequence");
        specs.push(spec as ClusterSpec);
        return {};
      },
    },
  });
  expect(result).toMatchObject({ exitCode: 0, out: "Swarm updated.\n" });
  expect(specs).toEqual([
    {
      ...cluster.spec,
      orchestration: { taskHistoryRetentionLimit: "3" },
      caConfig: { nodeCertExpiry: { seconds: "7200", nanos: 0 } },
    },
  ]);
});

test("flags understand =true and =false wherever docker does", async () => {
  const daemon: TestSetting["daemon"] = { Leave: async () => ({}) };
  expect((await run(["leave", "--force=true"], { daemon })).requests).toEqual([["Leave", { force: true }]]);
  expect((await run(["leave", "--force=false"], { daemon })).requests).toEqual([["Leave", { force: false }]]);
});

test("promote, demote and update change the role and keep the rest", async () => {
  const worker = node("n1", "h1", { annotations: { labels: { old: "1" } }, availability: "DRAIN" });
  const setting: TestSetting = { control: { GetNode: async () => ({ node: worker }), UpdateNode: async () => ({}) } };
  const promoted = await run(["node", "promote", "n1"], setting);
  expect(promoted.out).toBe("Node n1 promoted to a manager in the swarm.\n");
  expect(promoted.requests.at(-1)?.[1]).toMatchObject({
    nodeVersion: { index: "3" },
    spec: { desiredRole: "MANAGER", availability: "DRAIN" },
  });
  expect((await run(["node", "demote", "n1"], setting)).out).toBe("Node n1 is already a worker.\n");
  const labelled = await run(
    ["node", "update", "--label-add", "a=b", "--label-rm", "old", "--availability", "active", "n1"],
    setting,
  );
  expect(labelled.out).toBe("n1\n");
  expect(labelled.requests.at(-1)?.[1]).toMatchObject({
    spec: { annotations: { labels: { a: "b" } }, availability: "ACTIVE" },
  });
  const missing = await run(["node", "update", "--label-rm", "nope", "n1"], setting);
  expect(missing.err).toContain("key nope doesn't exist in node's labels");
});

test("secrets come from standard input or a file, never from an argument", async () => {
  const setting: TestSetting = {
    input: "s3cret\n",
    files: { "/empty": "" },
    control: { CreateSecret: async () => ({ secret: { id: "x1" } }) },
  };
  const created = await run(["secret", "create", "-l", "a=b", "s1", "-"], setting);
  expect(created.out).toBe("x1\n");
  expect(created.requests).toEqual([
    ["CreateSecret", { spec: { annotations: { name: "s1", labels: { a: "b" } }, data: Buffer.from("s3cret\n") } }],
  ]);
  expect((await run(["secret", "create", "s1", "/empty"], setting)).err).toBe(
    "error reading from /empty: data is empty\n",
  );
  expect((await run(["secret", "create", "s1", "/nope"], setting)).err).toBe("open /nope: no such file or directory\n");
});

test("--host is understood before and behind the command, and from the environment", async () => {
  const paths = async (argv: string[], environment: Record<string, string> = {}): Promise<string> =>
    (
      await run(argv, {
        isDaemonDown: true,
        environment,
        daemon: { Init: async () => ({ nodeId: "n" }) },
        control: { ListClusters: async () => ({ clusters: [cluster] }) },
      })
    ).err;
  expect(await paths(["--host", "unix:///a.sock", "init"])).toContain("unix:///a.sock");
  expect(await paths(["init", "--host", "unix:///b.sock"])).toContain("unix:///b.sock");
  expect(await paths(["init"], { MSWARM_HOST: "unix:///c.sock" })).toContain("unix:///c.sock");
  expect(await paths(["init"])).toContain("unix:///var/run/mswarm/control.sock");
});

test("help is printed to standard output with exit code 0", async () => {
  const result = await run(["service", "create", "--help"]);
  expect(result).toMatchObject({ exitCode: 0, err: "" });
  expect(result.out).toContain("--replicas-max-per-node");
});

test("the version is known without a daemon, and the daemon's with one", async () => {
  expect(await run(["--version"])).toMatchObject({
    exitCode: 0,
    out: expect.stringMatching(/^mswarm version \d+\.\d+\.\d+\n$/),
  });
  const both = await run(["version", "--format", "{{.Server.Version}} on {{.Server.Engine}}"], {
    daemon: { Status: async () => ({ version: "9.8.7", engine: "unix:///e.sock" }) },
  });
  expect(both).toMatchObject({ exitCode: 0, out: "9.8.7 on unix:///e.sock\n" });
  const alone = await run(["version"], { isDaemonDown: true });
  expect(alone).toMatchObject({ exitCode: 1, out: expect.stringMatching(/^Client:\n Version: /) });
  expect(alone.err).toContain("Cannot connect to the mswarm daemon");
});

test("tasks are listed and shown without naming their service", async () => {
  const task = { id: "t1aaaaaaaaaaaaaaaaaaaaaaa", serviceId: "s1", slot: "2", status: { state: "RUNNING" } } as const;
  const control: TestSetting["control"] = {
    ListTasks: async ({ filters }) => ({ tasks: filters?.names === undefined ? [task] : [] }),
    ListServices: async () => ({ services: [{ id: "s1", spec: { annotations: { name: "web" } } }] }),
  };
  const list = (...words: string[]) => run(["task", "ls", ...words], { control });
  expect((await list("--format", "{{.ID}} {{.Name}} {{.CurrentState}}")).out).toBe("t1aaaaaaaaaa web.2 Running\n");
  expect((await list("--quiet", "--no-trunc")).out).toBe(`${task.id}\n`);
  expect((await list("--filter", "service=other", "--quiet")).out).toBe("");
  const shown = await run(["task", "inspect", "t1", "--format", "{{.Status.State}} {{.Slot}}"], { control });
  expect(shown).toMatchObject({ exitCode: 0, out: "running 2\n" });
});
