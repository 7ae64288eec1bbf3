// Puts one request after the other to a stock Docker swarm and to mswarm. The answers have to be equal once what must differ
// (ids, times, addresses, keys) is taken out.
import { expect } from "vitest";
import type { EngineApiPair, Side } from "../support/engine-api-pair.ts";
import { eventually } from "../support/eventually.ts";
import type { HttpAnswer, HttpQuestion } from "../support/http-over-unix.ts";

export interface Step extends Omit<HttpQuestion, "method" | "path"> {
  /** `METHOD /path`; `@services/web` in it stands for the version of that object, `@id:services/web` for its id. */
  readonly say: string;
  /** Without which prefix it is sent ("": none); the newest of the engines where absent. */
  readonly version?: string;
  /** Asked again until the answer contains it, on both sides. */
  readonly until?: string;
  /** Of the body only the names and kinds of its fields have to be equal: it is about the machine. */
  readonly isAboutMachine?: true;
}

export interface Difference {
  readonly step: RegExp;
  /** The one thing that differs; anything may where absent. */
  readonly field?: "status" | "contentType" | "body";
  /** The engines' API version; all where absent. */
  readonly version?: string;
  readonly reason: string;
}

/** Asks both sides of a pair, and fails softly for each answer that differs without being in `known`. */
export class EngineApiComparison {
  readonly #pair: EngineApiPair;
  readonly #known: readonly Difference[];
  readonly #ids = new Map<Side, string>();

  constructor(pair: EngineApiPair, known: readonly Difference[]) {
    this.#pair = pair;
    this.#known = known;
  }

  async compare(steps: readonly Step[]): Promise<void> {
    const { docker, mswarm, apiVersion } = this.#pair;
    for (const [number, step] of steps.entries()) {
      const [theirs, found] = await Promise.all([this.#answer(step, docker), this.#answer(step, mswarm)]);
      // Docker leaves headers out of some errors.
      const ours = {
        ...found,
        headers: Object.fromEntries(Object.keys(theirs.headers).map((key) => [key, found.headers[key]])),
      };
      const body = typeof step.body === "string" ? step.body : JSON.stringify(step.body ?? "");
      const name = `${number} ${step.say} ${body}`;
      const excuse = this.#known.find(
        ({ step: pattern, version = apiVersion }) => version === apiVersion && pattern.test(name),
      );
      const told = `API ${apiVersion}: ${name}`;
      if (excuse === undefined) {
        expect.soft(ours, told).toEqual(theirs);
        continue;
      }
      const { field, reason } = excuse;
      expect.soft(ours, `${told} is listed as different (${reason}) and is equal`).not.toEqual(theirs);
      if (field !== undefined) expect.soft({ ...ours, [field]: "" }, told).toEqual({ ...theirs, [field]: "" });
    }
  }

  async #answer(step: Step, side: Side): Promise<Normal> {
    const newest = this.#pair.apiVersion;
    const ask = async (): Promise<HttpAnswer> => {
      const [method = "", path = ""] = (await this.#resolved(step.say, side)).split(" ");
      const prefix = step.version === "" ? "" : `/v${step.version ?? newest}`;
      const body = typeof step.body === "object" ? await this.#resolved(JSON.stringify(step.body), side) : step.body;
      const { headers } = step;
      return await side.ask({ method, path: `${prefix}${path}`, body, ...(headers === undefined ? {} : { headers }) });
    };
    const seen = (answer: HttpAnswer): Normal => {
      const found = normal(answer);
      return step.isAboutMachine === true ? { ...found, body: kindsOf(found.body) } : found;
    };
    const { until: wanted = "" } = step;
    if (wanted === "" && !step.say.includes("=@")) return seen(await ask());
    return await eventually(async () => {
      const got = await ask();
      expect(got.body.toString()).toContain(wanted);
      // A manager may have written the object after we have read its version.
      if (step.say.includes("=@")) expect(got.body.toString()).not.toContain("update out of sequence");
      return seen(got);
    });
  }

  /** `@self`, `@id:…` and `@…` on this side. */
  async #resolved(text: string, side: Side): Promise<string> {
    const get = async <T>(path: string): Promise<T> =>
      JSON.parse((await side.ask({ method: "GET", path: `/${path}` })).body.toString()) as T;
    let result = text;
    if (result.includes("@self")) {
      const known = this.#ids.get(side) ?? (await get<readonly { readonly ID: string }[]>("nodes"))[0]?.ID ?? "";
      this.#ids.set(side, known);
      result = result.replaceAll("@self", known);
    }
    for (const [whole, path = ""] of [...result.matchAll(/@id:([\w/-]+)/g)]) {
      result = result.replace(whole, (await get<{ readonly ID: string }>(path)).ID);
    }
    // Also within JSON, as a number: "ForceUpdate":"@services/web".
    for (const [whole, quoted, path = quoted ?? ""] of [...result.matchAll(/"@([\w/-]+)"|(?<==)@([\w/-]+)/g)]) {
      const { Version } = await get<{ readonly Version: { readonly Index: number } }>(path);
      result = result.replace(whole, String(Version.Index));
    }
    return result;
  }
}

interface Normal {
  readonly status: number;
  readonly contentType: string;
  /** Those that clients read. */
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

const headersOfInterest = ["api-version", "builder-version", "cache-control", "docker-experimental", "location"].concat(
  ["ostype", "pragma", "server", "swarm"],
);

function normal({ status, contentType, headers, body }: HttpAnswer): Normal {
  const text = normalText(inOrder(body.toString()));
  const read = Object.fromEntries(
    headersOfInterest.filter((name) => headers[name] !== undefined).map((name) => [name, headers[name]]),
  );
  try {
    return { status, contentType, headers: read, body: JSON.parse(text) as unknown };
  } catch {
    return { status, contentType, headers: read, body: text };
  }
}

/** What has to differ is taken out of JSON, of errors and of logs. */
export function normalText(text: string): string {
  const ids = new Map<string, string>();
  return (
    text
      .replace(/"(TrustRoot|CertIssuerSubject|CertIssuerPublicKey)":"[^"]+"/g, '"$1":"<certificate>"')
      .replace(/SWMTKN-1-[0-9a-z]{50}-[0-9a-z]{25}/g, "<token>")
      .replace(/\b[0-9a-f]{64}\b/g, "<container>")
      .replace(/\b[0-9a-z]{25}\b/g, (id) => {
        ids.set(id, ids.get(id) ?? `<id ${ids.size}>`);
        return ids.get(id) ?? "";
      })
      .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z/g, "<time>")
      .replace(/"Index":\d+/g, '"Index":"<n>"')
      .replace(/"(PID|time|timeNano)":\d+/g, '"$1":"<n>"')
      .replace(/(\d{1,3}\.){3}\d{1,3}/g, "<address>")
      .replace(/"Name":"[a-z]+_[a-z]+"/g, '"Name":"<name>"')
      // What one swarm counts, another counts otherwise: programs use a version as ForceUpdate.
      .replace(/"ForceUpdate":\d\d+/g, '"ForceUpdate":"<n>"')
      // Newer engines say it also when it is not so.
      .replaceAll(',"NoNewPrivileges":false', "")
      // The mark of the test's own containers.
      .replace(/"mswarm.lab":"[^"]*",|,"mswarm.lab":"[^"]*"/g, "")
      // Our own label, and the networks that this version of mswarm does not offer to tasks.
      .replace(/"Labels":\{"mswarm.version":"[^"]*"\},/g, "")
      .replace(/\{"Type":"Network","Name":"\w+"\},/g, "")
      .replace(/"Hostname":"[^"]*"/g, '"Hostname":"<name>"')
  );
}

/** Lists come by id, which is random: by name and slot here. */
function inOrder(text: string): string {
  if (!text.startsWith("[{")) return text;
  const key = ({ Spec, Slot = 0 }: Ordered): string =>
    `${(Spec?.Name ?? "").replace(/^[a-z]+_[a-z]+$/, "~")} ${String(Slot).padStart(10, "0")}`;
  const list = JSON.parse(text) as Ordered[];
  return JSON.stringify(list.sort((left, right) => (key(left) < key(right) ? -1 : 1)));
}

interface Ordered {
  readonly Spec?: { readonly Name?: string };
  readonly Slot?: number;
}

/** The names and kinds of what a JSON value holds: of a list, the different ones that it has. */
function kindsOf(value: unknown): unknown {
  if (Array.isArray(value)) return [...new Set(value.map((each) => JSON.stringify(kindsOf(each))))].sort();
  if (typeof value !== "object" || value === null) return value === null ? "null" : typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, kindsOf(inner)]));
}
