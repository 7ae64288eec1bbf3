// No disk and no log holds a secret, a join token, a registry credential or a private key in clear, whatever happened.
import { createPrivateKey } from "node:crypto";
import { readFile, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { IdentityFiles } from "@mswarm/pki";
import { cryptoRandom, invariant } from "@mswarm/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Finding, inAllForms, type Needle, searchDisk, searchFile } from "../support/disk-search.ts";
import { type DockerEngine, startDockerEngine } from "../support/docker-engine.ts";
import { callLimit, eventually } from "../support/eventually.ts";
import { memoryHolds } from "../support/memory-search.ts";
import { secretFile, sleeper } from "../support/service-specs.ts";
import { mountsBelow, TestCluster } from "../support/test-cluster.ts";

const random = cryptoRandom();
const inTime = { timeout: callLimit };
const textSecret = Buffer.from(random.bytes(32).toString("hex"));
const binarySecret = random.bytes(48);
const laterSecret = random.bytes(48);
const registryPassword = Buffer.from(random.bytes(24).toString("hex"));
/** No secret: the engine writes a container's environment to its disk, so a search that looks there finds it. */
const canary: Needle = { name: "canary", bytes: Buffer.from(random.bytes(24).toString("hex")) };

let docker: DockerEngine;
let cluster: TestCluster;
const needles: Needle[] = [];

beforeAll(async () => {
  docker = await startDockerEngine();
  cluster = await TestCluster.start({ engine: docker.address, managers: 3, workers: 1 });
});
afterAll(async () => {
  await cluster?.stop();
  await docker?.stop();
});

async function createSecret(name: string, data: Buffer): Promise<string> {
  needles.push(...inAllForms(`secret ${name}`, data));
  const { secret } = await (await cluster.follower()).control.CreateSecret(
    { spec: { annotations: { name }, data } },
    inTime,
  );
  return secret?.id ?? "";
}

async function noteTokens(when: string): Promise<void> {
  const { worker = "", manager = "" } = await cluster.joinTokens();
  for (const [name, token] of Object.entries({ worker, manager })) {
    // The part before it is the digest of a public certificate.
    const secret = token.split("-").at(-1) ?? "";
    invariant(secret.length === 25, "a join token ends with its secret");
    needles.push(...inAllForms(`${name} token ${when}`, Buffer.from(secret)));
  }
}

/** What marks any private key, as PEM or DER: the managers' root key is known to nobody outside the log. */
function keyMarks(): readonly Needle[] {
  const pem = ["PRIVATE KEY-----", "EC PRIVATE KEY-----"].map((text) => Buffer.from(`-----BEGIN ${text}`));
  // PKCS #8 of a P-256 key up to its secret number, and the same of SEC 1.
  const der = ["308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420", "30770201010420"];
  return [
    ...pem.flatMap((bytes) => inAllForms("head of a PEM private key", bytes)),
    ...der.flatMap((hex) => inAllForms("head of a DER private key", Buffer.from(hex, "hex"))),
  ];
}

/** The keys of the nodes themselves, which lie in `swarm-node.key` and nowhere else. */
async function nodeKeys(): Promise<readonly Needle[]> {
  const known = await Promise.all(
    cluster.daemons.map(async ({ name, stateDirectory }) => {
      const identity = await new IdentityFiles(join(stateDirectory, "certificates")).load();
      invariant(identity !== undefined, "a node has an identity");
      const { d = "" } = createPrivateKey(identity.keyPem).export({ format: "jwk" });
      const dek = identity.raftDek === undefined ? [] : inAllForms(`data key of ${name}`, identity.raftDek);
      // As PEM its base64 is broken into lines.
      const lines = identity.keyPem.split("\n").filter((line) => /^[A-Za-z0-9+/]{60,}$/.test(line));
      invariant(lines.length > 0, "a PEM key has lines of base64");
      const wrapped = lines.map((line) => ({ name: `key of ${name} (a line of PEM)`, bytes: Buffer.from(line) }));
      return [...inAllForms(`key of ${name}`, Buffer.from(d, "base64url")), ...wrapped, ...dek];
    }),
  );
  return known.flat();
}

const isKeyFile = ({ path }: Finding): boolean => basename(path) === "swarm-node.key";

test("a cluster with secrets in use, rotated tokens and restarted daemons leaves nothing readable behind", async () => {
  await noteTokens("at first");
  const ids = [await createSecret("text", textSecret), await createSecret("binary", binarySecret)];
  const auth = { username: "user", password: registryPassword.toString(), serveraddress: "registry.invalid" };
  const registryAuth = Buffer.from(JSON.stringify(auth)).toString("base64url");
  needles.push(...inAllForms("registry password", registryPassword));
  const serviceId = await cluster.createService(
    sleeper("vault", {
      image: docker.image,
      replicas: 4,
      container: {
        secrets: [secretFile(ids[0] ?? "", "text"), secretFile(ids[1] ?? "", "binary")],
        pullOptions: { registryAuth },
        env: [`CANARY=${canary.bytes}`],
      },
    }),
  );
  await cluster.running(serviceId, 4);

  await cluster.updateCluster((spec) => spec, { workerJoinToken: true, managerJoinToken: true });
  await noteTokens("after the rotation");
  const late = cluster.add("w2");
  await late.start();
  await late.join((await cluster.joinTokens()).worker ?? "", [cluster.daemon("m2").managerAddress]);
  await cluster.allReady();

  const unused = await createSecret("later", laterSecret);
  for (const daemon of cluster.daemons) await daemon.restart();
  await cluster.allReady();
  await eventually(async () => (await cluster.control()).RemoveSecret({ secretId: unused }, inTime));
  await cluster.running(serviceId, 4);
  needles.push(...keyMarks(), ...(await nodeKeys()));

  // Before anything may be believed: the search finds what is there.
  const planted = join(await cluster.ownFolder("planted"), "file");
  for (const [index, needle] of needles.entries()) {
    const filler = random.bytes(3_000_000 - needle.bytes.length / 2 + (index % 7));
    await writeFile(planted, index % 10 === 0 ? Buffer.concat([filler, needle.bytes, filler]) : needle.bytes);
    const found = await searchFile(planted, needles);
    expect(found.map((finding) => finding.needle)).toContain(needle.name);
  }
  const everywhere = await searchDisk(cluster.folder, needles, { otherFileSystems: true });
  const mounts = await mountsBelow(cluster.folder);
  const inMemory = everywhere.filter(({ path }) => mounts.some((mount) => path.startsWith(mount)));
  expect(new Set(inMemory.map(({ needle }) => needle))).toEqual(new Set(["secret text", "secret binary"]));
  await writeFile(planted, "");

  for (const daemon of cluster.daemons) {
    const [arguments_, environment] = await Promise.all(
      ["cmdline", "environ"].map((file) => readFile(`/proc/${daemon.pid}/${file}`)),
    );
    for (const { name, bytes } of needles) {
      expect(arguments_?.includes(bytes), `${name} in the arguments of ${daemon.name}`).toBe(false);
      expect(environment?.includes(bytes), `${name} in the environment of ${daemon.name}`).toBe(false);
    }
  }

  await Promise.all(cluster.daemons.map((daemon) => daemon.stop()));
  try {
    const onDisk = await searchDisk(cluster.folder, needles, { otherFileSystems: false });
    expect(onDisk.filter((finding) => !isKeyFile(finding))).toEqual([]);
    // Each node's own key in its own file, and no other key or secret there.
    for (const { name, stateDirectory } of cluster.daemons) {
      const keyFile = join(stateDirectory, "certificates/swarm-node.key");
      expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
      const kinds = onDisk.filter(({ path }) => path === keyFile).map(({ needle }) => needle.replace(/ \(.*$/, ""));
      const allowed = [
        "head of a PEM private key",
        "head of a DER private key",
        `key of ${name}`,
        `data key of ${name}`,
      ];
      expect(kinds.filter((kind) => !allowed.includes(kind))).toEqual([]);
      expect(kinds).toContain(`key of ${name}`);
    }
    const atEngine = await searchDisk(docker.dataRoot, [canary, ...needles], { otherFileSystems: false });
    expect(new Set(atEngine.map(({ needle }) => needle))).toEqual(new Set(["canary"]));
    // The logs were written at debug level, and are not empty.
    for (const { logFile } of cluster.daemons) expect(await readFile(logFile, "utf8")).toContain('"level":"debug"');
  } finally {
    await Promise.all(cluster.daemons.map((daemon) => daemon.start()));
  }
  await cluster.allReady();
});

test("only nodes that run a task which names a secret ever have it, even in memory", async () => {
  const data = random.bytes(64);
  const secretId = await createSecret("pinned", data);
  const spec = sleeper("pinned", {
    image: docker.image,
    replicas: 2,
    container: { secrets: [secretFile(secretId, "pinned")] },
    constraints: ["node.hostname==w1"],
  });
  await cluster.running(await cluster.createService(spec), 2);
  // A manager holds every secret; this shows that the search can see one.
  await eventually(async () => expect(await memoryHolds(cluster.daemon("m1").pid, data)).toBe(true));
  expect(await memoryHolds(cluster.daemon("w2").pid, data)).toBe(false);
  const inAll = inAllForms("pinned", data);
  const files = await searchDisk(cluster.folder, inAll, { otherFileSystems: true });
  expect(files).not.toEqual([]);
  const mounts = await mountsBelow(join(cluster.folder, "w1"));
  for (const { path } of files)
    expect(
      mounts.some((mount) => path.startsWith(`${mount}/`)),
      path,
    ).toBe(true);
});

test("nobody else on the machine can open a node's state, secrets, log or socket", async () => {
  const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);
  for (const { name, stateDirectory, controlPath } of cluster.daemons) {
    expect(await modeOf(stateDirectory), name).toBe("700");
    expect(await modeOf(controlPath), name).toBe("660");
  }
  for (const mount of await mountsBelow(cluster.folder)) expect(await modeOf(mount)).toBe("700");
});

test("when the services are removed their secrets leave the tmpfs too", async () => {
  await eventually(async () => {
    const control = await cluster.control();
    const { services = [] } = await control.ListServices({}, inTime);
    for (const { id = "" } of services) await control.RemoveService({ serviceId: id }, inTime);
    expect((await control.ListServices({}, inTime)).services ?? []).toEqual([]);
  });
  await eventually(async () => {
    const found = await searchDisk(cluster.folder, needles, { otherFileSystems: true });
    expect(found.filter((finding) => !isKeyFile(finding))).toEqual([]);
  });
});
