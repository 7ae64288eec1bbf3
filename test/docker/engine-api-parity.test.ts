// The same HTTP requests against a stock Docker swarm and against mswarm; the answers have to be equal once what must
// differ (ids, times, addresses, keys) is taken out. What differs beyond that stands in `known`, with the reason (engine-api-steps.ts).
import { openUnixChannel } from "@mswarm/rpc";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type EngineApiPair, type Side, startEngineApiPair } from "../support/engine-api-pair.ts";
import { eventually } from "../support/eventually.ts";
import type { HttpAnswer } from "../support/http-over-unix.ts";
import { inside, known, outside, type Step } from "./engine-api-steps.ts";

let pair: EngineApiPair;

beforeAll(async () => {
  pair = await startEngineApiPair();
});
afterAll(async () => {
  await pair?.stop();
});

const paths = new Map<Side, Map<string, string>>();

/** `@self`, `@id:…` and `@…` on this side. */
async function resolved(text: string, side: Side): Promise<string> {
  const own = paths.get(side) ?? new Map<string, string>();
  paths.set(side, own);
  const get = async <T>(path: string): Promise<T> =>
    JSON.parse((await side.ask({ method: "GET", path: `/v1.41/${path}` })).body.toString()) as T;
  let result = text;
  if (result.includes("@self")) {
    const [node] = own.has("self") ? [] : await get<readonly { readonly ID: string }[]>("nodes");
    const self = own.get("self") ?? node?.ID ?? "";
    own.set("self", self);
    result = result.replaceAll("@self", self);
  }
  for (const [whole, path = ""] of [...result.matchAll(/@id:([\w/-]+)/g)]) {
    result = result.replace(whole, (await get<{ readonly ID: string }>(path)).ID);
  }
  for (const [whole, path = ""] of [...result.matchAll(/(?<==)@([\w/-]+)/g)]) {
    const { Version } = await get<{ readonly Version: { readonly Index: number } }>(path);
    result = result.replace(whole, String(Version.Index));
  }
  return result;
}

async function answer(step: Step, side: Side): Promise<Normal> {
  const [method = "", path = ""] = (await resolved(step.say, side)).split(" ");
  const prefix = step.version === "" ? "" : `/v${step.version ?? "1.41"}`;
  const body = typeof step.body === "object" ? await resolved(JSON.stringify(step.body), side) : step.body;
  const { headers } = step;
  const question = { method, path: `${prefix}${path}`, body, ...(headers === undefined ? {} : { headers }) };
  if (step.until === undefined) return normal(await side.ask(question));
  const wanted = step.until;
  return await eventually(async () => {
    const got = await side.ask(question);
    expect(got.body.toString()).toContain(wanted);
    return normal(got);
  });
}

interface Normal {
  readonly status: number;
  readonly contentType: string;
  readonly body: unknown;
}

/** What has to differ is taken out. */
function normal({ status, contentType, body }: HttpAnswer): Normal {
  const ids = new Map<string, string>();
  const text = inOrder(body.toString())
    .replace(/"(TrustRoot|CertIssuerSubject|CertIssuerPublicKey)":"[^"]+"/g, '"$1":"<certificate>"')
    .replace(/SWMTKN-1-[0-9a-z]{50}-[0-9a-z]{25}/g, "<token>")
    .replace(/\b[0-9a-f]{64}\b/g, "<container>")
    .replace(/\b[0-9a-z]{25}\b/g, (id) => {
      ids.set(id, ids.get(id) ?? `<id ${ids.size}>`);
      return ids.get(id) ?? "";
    })
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z/g, "<time>")
    .replace(/"Index":\d+/g, '"Index":"<n>"')
    .replace(/"PID":\d+/g, '"PID":"<n>"')
    .replace(/(\d{1,3}\.){3}\d{1,3}/g, "<address>")
    .replace(/"Name":"[a-z]+_[a-z]+"/g, '"Name":"<name>"')
    // Our own label, and the networks that this version of mswarm does not offer to tasks.
    .replace(/"Labels":\{"mswarm.version":"[^"]*"\},/g, "")
    .replace(/\{"Type":"Network","Name":"\w+"\},/g, "")
    .replace(/"Hostname":"[^"]*"/g, '"Hostname":"<name>"');
  try {
    return { status, contentType, body: JSON.parse(text) as unknown };
  } catch {
    return { status, contentType, body: text };
  }
}

/** Lists come by id, which is random: by name here. */
function inOrder(text: string): string {
  if (!text.startsWith("[{")) return text;
  const name = (each: { readonly Spec?: { readonly Name?: string } }): string =>
    (each.Spec?.Name ?? "").replace(/^[a-z]+_[a-z]+$/, "~");
  const list = JSON.parse(text) as { readonly Spec?: { readonly Name?: string } }[];
  return JSON.stringify(list.sort((left, right) => (name(left) < name(right) ? -1 : 1)));
}

async function compare(steps: readonly Step[]): Promise<void> {
  for (const [number, step] of steps.entries()) {
    const [docker, mswarm] = await Promise.all([answer(step, pair.docker), answer(step, pair.mswarm)]);
    const name = `${number} ${step.say} ${typeof step.body === "string" ? step.body : JSON.stringify(step.body ?? "")}`;
    const excuse = known.find(({ step: pattern }) => pattern.test(name));
    if (excuse === undefined) {
      expect.soft(mswarm, name).toEqual(docker);
      continue;
    }
    const { field, reason } = excuse;
    expect.soft(mswarm, `${name} is listed as different (${reason}) and is equal`).not.toEqual(docker);
    if (field !== undefined) expect.soft({ ...mswarm, [field]: "" }, name).toEqual({ ...docker, [field]: "" });
  }
}

test("a node outside a swarm answers as Docker does", async () => {
  await compare(outside);
});

test("a swarm is made", async () => {
  for (const side of [pair.docker, pair.mswarm]) {
    const body = {
      ListenAddr: side.listenAddress,
      AdvertiseAddr: side.listenAddress,
      Spec: { Labels: { a: "b" }, Dispatcher: { HeartbeatPeriod: 4_000_000_000 } },
    };
    const made = await side.ask({ method: "POST", path: "/v1.41/swarm/init", body });
    expect(made).toMatchObject({ status: 200, contentType: "application/json" });
    expect(made.body.toString()).toMatch(/^"[0-9a-z]{25}"\n$/);
  }
});

test("a manager answers as Docker does", async () => {
  await compare(inside);
});

test("what is stored is what Docker stores for the same requests", async () => {
  const [docker, mswarm] = await Promise.all([storedSpecs(pair.docker), storedSpecs(pair.mswarm)]);
  expect([...docker.keys()]).toEqual(expect.arrayContaining(["full", "web", "everywhere", "oldjob"]));
  for (const [name, spec] of docker) expect.soft(mswarm.get(name), name).toEqual(spec);
});

/** The specs of services by name, as their manager keeps them; our lists leave out credentials, Docker's do not. */
async function storedSpecs({ controlSocket }: Side): Promise<ReadonlyMap<string, unknown>> {
  const channel = openUnixChannel(controlSocket);
  try {
    const { services = [] } = await channel.client("docker.swarmkit.v1.Control").ListServices({});
    return new Map(
      services.flatMap(({ spec }) => {
        const name = spec?.annotations?.name ?? "";
        return /_/.test(name) ? [] : [[name, JSON.parse(JSON.stringify(spec, withoutCredentials)) as unknown] as const];
      }),
    );
  } finally {
    channel.close();
  }
}

const withoutCredentials = (key: string, value: unknown): unknown => (key === "pullOptions" ? undefined : value);
