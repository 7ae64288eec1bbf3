// Bad requests, the same to a stock Docker swarm and to mswarm: the status has to be Docker's, but for what mswarm refuses
// because it could be read in two ways.
import { SeededRandom } from "@mswarm/runtime/simulated";
import { expect } from "vitest";
import { anyQuestion } from "../attack/face-fuzz.ts";
import type { EngineApiPair, Side } from "../support/engine-api-pair.ts";
import { askOverUnix, type HttpAnswer, type HttpQuestion } from "../support/http-over-unix.ts";

/** What mswarm says where Docker tidies up, or takes one of two readings. */
const deliberate = new RegExp(
  [
    ...["could be read in two ways", "empty segments or dots", "twice", "must be encoded", "encodes nothing"],
    ...["is no version of the Engine API", "invalid URL escape", "is not valid UTF-8", "nests deeper", "is not JSON"],
    // 500 in 20.10, 400 in newer Engines.
    ...["invalid filter", "looking for beginning of value"],
  ].join("|"),
);

/** Asks `count` requests of a seed. Both sides are managers of swarms of their own. */
export async function compareBadRequests(pair: EngineApiPair, seed: number, count: number): Promise<void> {
  const { docker, mswarm, apiVersion } = pair;
  const random = new SeededRandom(seed);
  for (let number = 0; number < count; number += 1) {
    const question = anyQuestion(random);
    if (!isComparable(question)) continue;
    const [theirs, ours] = await Promise.all([docker, mswarm].map((side) => asked(side, question).catch(ifCutOff)));
    if (theirs === undefined || ours === undefined) {
      await Promise.all([docker, mswarm].map(sweep));
      continue;
    }
    const isDeliberate = ours.status === 400 && deliberate.test(ours.body.toString());
    const told = `API ${apiVersion}, request ${number} of seed ${seed}: ${question.method} ${question.path.slice(0, 200)} ${String(question.body).slice(0, 500)}: ${ours.body.toString()}, Docker: ${theirs.body.toString()}`;
    if (!isDeliberate) expect.soft(ours.status, told).toBe(theirs.status);
    // From here on both have the same objects again.
    if (ours.status !== theirs.status) await Promise.all([docker, mswarm].map(sweep));
  }
}

/** Both servers close the connection of a body of some 100 KB that they do not read, sometimes before their answer is. */
function ifCutOff(error: unknown): undefined {
  if (error instanceof Error && "code" in error && ["EPIPE", "ECONNRESET"].includes(String(error.code)))
    return undefined;
  throw error;
}

/**
 * Left out: streams, answers without a text, and networks, whose addresses depend on the machine.
 */
const isComparable = ({ method, path }: HttpQuestion): boolean => !/follow=|\/networks/.test(path) && method !== "HEAD";

async function asked(side: Side, question: HttpQuestion): Promise<HttpAnswer> {
  if (!question.path.includes("version=@")) return await side.ask(question);
  const object = question.path.replace(/\/update\?.*/, "").replace(/^\/v1\.\d+/, "");
  for (let tries = 1; ; tries += 1) {
    const { body } = await side.ask({ method: "GET", path: object });
    const version = /"Version":\{"Index":(?<index>\d+)/.exec(body.toString())?.groups?.["index"];
    const path = question.path.replace("version=@", `version=${version ?? "1"}`);
    const answer = await side.ask({ ...question, path });
    // A manager may have written the object after we have read its version.
    const isStale = answer.body.toString().includes("update out of sequence");
    if (version === undefined || !isStale || tries === 50) return answer;
  }
}

async function sweep({ socketPath }: Side): Promise<void> {
  for (const kind of ["services", "secrets", "configs"]) {
    const { body } = await askOverUnix(socketPath, { method: "GET", path: `/${kind}` });
    for (const { ID } of JSON.parse(body.toString()) as readonly { readonly ID: string }[]) {
      await askOverUnix(socketPath, { method: "DELETE", path: `/${kind}/${ID}` });
    }
  }
}
