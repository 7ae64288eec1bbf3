// A swarm run with dockerode, call by call as its users write them. Each call's answer is noted down, without what differs
// from one swarm to another.
import type { Readable } from "node:stream";
import { seconds, systemClock } from "@mswarm/runtime";
import Dockerode from "dockerode";
import { expect } from "vitest";
import { eventually } from "../support/eventually.ts";
import { normalText } from "./engine-api-comparison.ts";

export interface Noted {
  readonly call: string;
  readonly answer: unknown;
}

interface Listed {
  readonly ID: string;
  readonly Version?: { readonly Index?: number | undefined } | undefined;
  readonly Spec?: { readonly Name?: string | undefined } | undefined;
}

/** What its types leave out, or do not show to be promises. */
interface UntypedCalls {
  logs(options: object): Promise<Readable>;
  update(credentials: object, options: object): Promise<unknown>;
  getEvents(options: object): Promise<Readable>;
  listTasks(options: object): Promise<readonly ListedTask[]>;
  listNetworks(options: object): Promise<readonly unknown[]>;
}

interface ListedTask extends Listed {
  readonly Status?: { readonly State?: string };
}

const clock = systemClock();

/**
 * @param socketPath  of a node that is in no swarm
 * @param listenAddress  where its swarm will listen, `host:port`
 */
export async function useDockerode(
  socketPath: string,
  listenAddress: string,
  image: string,
): Promise<readonly Noted[]> {
  const docker = new Dockerode({ socketPath, host: undefined });
  const untyped = docker as object as UntypedCalls;
  const noted: Noted[] = [];
  const note = async (call: string, does: () => Promise<unknown>): Promise<void> => {
    noted.push({ call, answer: await does().then(normalAnswer, refusalOf) });
  };
  /** A manager may write an object after its version was read: then once more. */
  const noteChange = (call: string, does: () => Promise<unknown>): Promise<void> =>
    note(call, async () => {
      for (;;) {
        try {
          return await does();
        } catch (error) {
          if (!JSON.stringify(refusalOf(error)).includes("update out of sequence")) throw error;
        }
      }
    });
  const version = async (kind: "services" | "nodes" | "secrets" | "configs" | "swarm", id = ""): Promise<number> => {
    const path = { services: docker.getService(id), nodes: docker.getNode(id), secrets: docker.getSecret(id) };
    const found: Listed =
      kind === "swarm"
        ? await docker.swarmInspect()
        : kind === "configs"
          ? ((await docker.getConfig(id).inspect()) as Listed)
          : ((await path[kind].inspect()) as Listed);
    return found.Version?.Index ?? 0;
  };
  const spec = (name: string, more: object = {}): Dockerode.CreateServiceOptions => ({
    Name: name,
    TaskTemplate: { ContainerSpec: { Image: image, Command: ["sh", "-c", "echo said; sleep 600"] } },
    ...more,
  });
  const authconfig = { username: "user", password: "word", serveraddress: "registry.example" };

  await note("ping", async () => String(await docker.ping()));
  await note("services outside", () => docker.listServices());
  await note("swarmInspect outside", () => docker.swarmInspect());
  await note("swarmJoin nowhere", () =>
    docker.swarmJoin({ ListenAddr: listenAddress, RemoteAddrs: [], JoinToken: "x" }),
  );
  const addresses = { ListenAddr: listenAddress, AdvertiseAddr: listenAddress };
  await note("swarmInit", () => docker.swarmInit({ ...addresses, Spec: { Labels: { made: "by dockerode" } } }));
  await note("swarmInit twice", () => docker.swarmInit(addresses));
  await note("swarmInspect", () => docker.swarmInspect());
  await noteChange("swarmUpdate", async () => {
    const { Spec } = (await docker.swarmInspect()) as { readonly Spec: object };
    return await docker.swarmUpdate({ version: await version("swarm"), rotateWorkerToken: true, ...Spec });
  });
  await note("swarmUpdate stale", () => docker.swarmUpdate({ version: 1, Name: "default" }));
  const { Swarm } = (await docker.info()) as { readonly Swarm: { readonly NodeID: string } };
  const self = Swarm.NodeID;
  const events = await untyped.getEvents({
    filters: JSON.stringify({ type: ["service", "secret", "config", "node"], scope: ["swarm"] }),
  });
  const heard: string[] = [];
  events.on("data", (chunk: Buffer) => heard.push(chunk.toString()));

  await eventually(async () => {
    const [node] = (await docker.listNodes()) as readonly { readonly Status?: { readonly State?: string } }[];
    expect(node?.Status?.State).toBe("ready");
  });
  await note("listNodes", () => docker.listNodes({ filters: JSON.stringify({ role: ["manager"] }) }));
  await note("node.inspect", () => docker.getNode(self).inspect());
  await noteChange("node.update", async () =>
    docker.getNode(self).update({
      version: await version("nodes", self),
      Role: "manager",
      Availability: "active",
      Labels: { zone: "a" },
    }),
  );
  await note("node.remove of the manager", () => docker.getNode(self).remove());
  await note("node.remove of none", () => docker.getNode("none").remove({ force: true }));

  await note("createSecret", () => docker.createSecret({ Name: "s", Data: "aGVsbG8=", Labels: { a: "b" } }));
  await note("createSecret twice", () => docker.createSecret({ Name: "s", Data: "aGVsbG8=" }));
  await note("listSecrets", () => docker.listSecrets({ filters: { name: ["s"] } }));
  await note("secret.inspect", () => docker.getSecret("s").inspect());
  await noteChange("secret.update", async () =>
    docker.getSecret("s").update({ version: await version("secrets", "s"), Name: "s", Labels: { a: "c" } }),
  );
  await note("createConfig", () => docker.createConfig({ Name: "c", Data: "aGVsbG8=", Labels: {} }));
  await note("listConfigs", () => docker.listConfigs({ filters: { name: ["c"] } }));
  await note("config.inspect", () => docker.getConfig("c").inspect());
  await noteChange("config.update", async () =>
    docker.getConfig("c").update({ version: await version("configs", "c"), Name: "c", Labels: { a: "c" } }),
  );

  await note("createService", () => docker.createService(spec("web")));
  await note("createService with credentials", () =>
    docker.createService(authconfig, spec("private", { Mode: { Replicated: { Replicas: 0 } } })),
  );
  await note("createService twice", () => docker.createService(spec("web")));
  await note("createService without an image", () =>
    docker.createService({ Name: "bad", TaskTemplate: { ContainerSpec: {} } }),
  );
  await eventually(async () => {
    const [task] = await untyped.listTasks({
      filters: JSON.stringify({ service: ["web"], "desired-state": ["running"] }),
    });
    expect(task?.Status?.State).toBe("running");
  });
  await note("listServices", async () => byName(await docker.listServices()));
  await note("listServices by label", () => docker.listServices({ filters: JSON.stringify({ label: ["none"] }) }));
  await note("service.inspect", () => docker.getService("web").inspect());
  await note("service.inspect of none", () => docker.getService("none").inspect());
  await note("listTasks", () => docker.listTasks({ filters: JSON.stringify({ service: ["web"] }) }));
  const [task] = await untyped.listTasks({ filters: JSON.stringify({ service: ["web"] }) });
  await note("task.inspect", () => docker.getTask(task?.ID ?? "").inspect());
  await note("service.logs", async () => {
    const service = docker.getService("web") as object as UntypedCalls;
    // A node's lines are on their way for a moment, with Docker too.
    return await eventually(async () => {
      const text = String(await service.logs({ stdout: true, stderr: true, tail: 10, follow: false }));
      expect(text).not.toBe("");
      return text;
    });
  });
  await note("task.logs that follow", async () => {
    const logs = await (docker.getTask(task?.ID ?? "") as object as UntypedCalls).logs({ stdout: true, follow: true });
    return await firstOf(logs);
  });
  await noteChange("service.update", async () =>
    docker.getService("web").update({
      version: await version("services", "web"),
      ...spec("web", { Labels: { tier: "front" } }),
    }),
  );
  await noteChange("service.update with credentials", async () =>
    (docker.getService("private") as object as UntypedCalls).update(authconfig, {
      version: await version("services", "private"),
      ...spec("private", { Mode: { Replicated: { Replicas: 0 } }, Labels: { x: "y" } }),
    }),
  );
  await note("service.update of a stale version", () =>
    docker.getService("web").update({ version: 1, ...spec("web") }),
  );
  await note("what is stored", () => docker.getService("private").inspect());
  await note("listNetworks", async () => (await untyped.listNetworks({ filters: { driver: ["host"] } })).length);
  await note("version", async () => Object.keys(await docker.version()));
  await note("info", async () => Object.keys(await docker.info()));
  await note("df", async () => Object.keys((await docker.df()) as object));

  await note("secret.remove", () => docker.getSecret("s").remove());
  await note("secret.remove again", () => docker.getSecret("s").remove());
  await note("config.remove", () => docker.getConfig("c").remove());
  await note("service.remove", () => docker.getService("web").remove());
  await note("service.remove of the other", () => docker.getService("private").remove());
  await note("service.remove again", () => docker.getService("web").remove());
  await note("events", async () => {
    const told = await eventually(() => {
      const lines = heard.join("").trim().split("\n");
      const removed = lines.filter((line) => line.includes('"Action":"remove"'));
      expect(removed).toHaveLength(4);
      return lines;
    });
    // How often a manager writes an object by itself is its own business.
    const lines = told.filter(
      (line) => !line.includes('"Type":"node"') && !/"Type":"service","Action":"update"/.test(line),
    );
    return lines.map((line) => JSON.parse(normalText(line)) as unknown);
  });
  events.destroy();
  await note("swarmLeave", () => docker.swarmLeave({}));
  await note("swarmLeave by force", () => docker.swarmLeave({ force: true }));
  await note("swarmLeave again", () => docker.swarmLeave({ force: true }));
  return noted;
}

/** The first thing that a stream says, within a minute. */
async function firstOf(stream: Readable): Promise<string> {
  const patience = clock.timer(seconds(60), () => stream.destroy());
  try {
    for await (const chunk of stream) return normalText(String(chunk));
    return "nothing";
  } finally {
    patience.cancel();
    stream.destroy();
  }
}

const byName = (list: readonly Listed[]): readonly Listed[] =>
  [...list].sort((left, right) => ((left.Spec?.Name ?? "") < (right.Spec?.Name ?? "") ? -1 : 1));

function normalAnswer(answer: unknown): unknown {
  if (Buffer.isBuffer(answer)) return normalText(answer.toString());
  return answer === undefined ? undefined : (JSON.parse(normalText(JSON.stringify(answer, withoutModem))) as unknown);
}

/** What `create…` gives has the connection in it. */
const withoutModem = (key: string, value: unknown): unknown => (key === "modem" ? undefined : value);

interface Refusal {
  readonly statusCode?: unknown;
  readonly reason?: unknown;
  readonly json?: { readonly message?: unknown };
}

/** What a program sees of an error. */
function refusalOf(error: unknown): unknown {
  const { statusCode, reason, json } = error as Refusal;
  return { statusCode, reason, message: normalText(String(json?.message)) };
}
