// Bad requests to the swarm routes of a manager, of a worker and of a node without a swarm, each a process of its own: no
// crash, no hang, no 500 that Docker would not give, memory flat. More of them: ./scripts/fuzz-face COUNT;
// MSWARM_SEED=… makes the same ones again.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cryptoRandom, failedPrecondition, seconds, systemClock } from "@mswarm/runtime";
import { SeededRandom } from "@mswarm/runtime/simulated";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DaemonProcess } from "../support/daemon-process.ts";
import { askOverUnix } from "../support/http-over-unix.ts";
import { TestCluster } from "../support/test-cluster.ts";
import { anyRequests } from "./face-fuzz.ts";
import { FuzzConnection, type RawAnswer } from "./face-fuzz-connection.ts";
import { type FramedRequest, plainlyFramed } from "./face-fuzz-framing.ts";

const given = process.env["MSWARM_FUZZ_REQUESTS"];
const count = Number(given ?? 3_000);
const seed = Number(process.env["MSWARM_SEED"] ?? cryptoRandom().below(2 ** 31));
const clock = systemClock();
const connections = 8;
/** After so many requests memory is looked at, and what they have created goes. */
const part = Math.max(200, Math.floor(count / 5));

/** What Docker itself answers with 500, by its words. */
const dockersOwn = new RegExp(
  [
    ...[
      "^rpc error: code = Unknown desc = ",
      "^network .* not found$",
      "^Invalid [a-z-]+ filter: ",
      "^unrecognized rollback option ",
    ],
    ...[
      "^unsupported registryAuthFrom value$",
      "^Bad parameters: you must choose",
      "^negative tail values",
      "^tail value must be",
    ],
    ...[
      "^could not parse since timestamp: ",
      "^runtime type ",
      "^service does not have a previous spec$",
      "^invalid join token$",
    ],
    "^logs only supported on container tasks$",
  ].join("|"),
);

let cluster: TestCluster;
let engine: Server;
let engineFolder: string;

beforeAll(async () => {
  engineFolder = await mkdtemp(join(tmpdir(), "mswf-"));
  const socket = join(engineFolder, "engine.sock");
  engine = createServer((request, response) => {
    const path = request.url?.replace(/^\/v1\.\d+/, "").replace(/\?.*/, "") ?? "";
    const answers: Record<string, unknown> = { "/_ping": "OK", "/info": { NCPU: 2 }, "/containers/json": [] };
    answers["/version"] = { ApiVersion: "1.41", MinAPIVersion: "1.12" };
    request.resume();
    response.setHeader("Api-Version", "1.41").setHeader("Server", "Docker/20.10.24 (linux)");
    response.setHeader("Content-Type", "application/json");
    response.statusCode = path in answers ? 200 : 404;
    response.end(JSON.stringify(answers[path] ?? { message: "nothing here" }));
  });
  await new Promise<void>((resolve) => engine.listen(socket, resolve));
  cluster = await TestCluster.create(`unix://${socket}`);
  const [manager, worker, loner] = [cluster.add("m1"), cluster.add("w1"), cluster.add("n1")];
  await Promise.all([manager, worker, loner].map((daemon) => daemon.start()));
  await manager.init();
  await worker.join((await cluster.joinTokens()).worker ?? "", [manager.managerAddress]);
});
afterAll(async () => {
  await cluster?.stop();
  engine.closeAllConnections();
  engine.close();
  await rm(engineFolder, { recursive: true, force: true });
});

/** Some requests one after another on one connection, which is opened again whenever it has ended. */
class Lane {
  readonly #daemon: DaemonProcess;
  readonly #random: SeededRandom;
  readonly #name: string;
  #connection: FuzzConnection | undefined;
  #asked = 0;
  /** How often each status was answered; 0: the connection ended without an answer. */
  readonly statuses: Map<number, number> = new Map<number, number>();

  constructor(daemon: DaemonProcess, number: number) {
    this.#daemon = daemon;
    this.#random = new SeededRandom(seed + number);
    this.#name = `${daemon.name}, connection ${number} of seed ${seed}`;
  }

  async ask(requests: number): Promise<void> {
    const end = this.#asked + requests;
    while (this.#asked < end) {
      const sent = anyRequests(this.#random);
      await this.#send(sent);
      this.#asked += sent.length;
    }
  }

  close(): void {
    this.#connection?.close();
  }

  async #send(requests: readonly FramedRequest[]): Promise<void> {
    const current = await Promise.all(requests.map((request) => this.#withVersion(request)));
    if (this.#connection?.isOpen !== true) this.#connection = await FuzzConnection.open(this.#daemon.apiPath);
    const connection = this.#connection;
    connection.send(Buffer.concat(current.map(({ bytes }) => bytes)));
    for (const [index, request] of current.entries()) {
      const told = `request ${this.#asked + index} of ${this.#name}: ${request.question.method} ${request.question.path.slice(0, 300)} (${request.fate})`;
      const answer = await this.#inTime(request, connection, told);
      if (request.fate === "answered" && answer === undefined) throw failedPrecondition(`${told}: no answer`);
      this.statuses.set(answer?.status ?? 0, (this.statuses.get(answer?.status ?? 0) ?? 0) + 1);
      if (answer !== undefined) check(answer, request, told);
      if (request.fate !== "answered" || answer?.isKept !== true) connection.close();
      if (!connection.isOpen || request.fate !== "answered") return;
    }
  }

  async #inTime(
    { fate, question }: FramedRequest,
    connection: FuzzConnection,
    told: string,
  ): Promise<RawAnswer | undefined> {
    let isLate = false;
    const timer = clock.timer(seconds(30), () => {
      isLate = true;
      connection.close();
    });
    if (fate === "unfinished") {
      if (this.#random.below(2) === 0) connection.close();
      else connection.halfClose();
    }
    const answer = await connection.answer(question.method, fate === "stream" ? "head" : "whole").catch((error) => {
      throw failedPrecondition(`${told}: what came back is no answer`, { cause: error });
    });
    timer.cancel();
    expect(isLate, `${told}: no answer within 30 s`).toBe(false);
    return answer;
  }

  /** `version=@` becomes the version that the object has. */
  async #withVersion(request: FramedRequest): Promise<FramedRequest> {
    const { question, fate } = request;
    if (fate !== "answered" || !question.path.includes("version=@")) return request;
    const object = question.path.replace(/\/update\?.*/, "").replace(/^\/v1\.\d+/, "");
    const { body } = await askOverUnix(this.#daemon.apiPath, { method: "GET", path: object });
    const version = /"Version":\{"Index":(?<index>\d+)/.exec(body.toString())?.groups?.["index"] ?? "1";
    return plainlyFramed({ ...question, path: question.path.replace("version=@", `version=${version}`) });
  }
}

function check({ status, contentType, body }: RawAnswer, { fate, question }: FramedRequest, told: string): void {
  if (fate === "refused") expect(status, told).toBeGreaterThanOrEqual(400);
  if (status < 400 || question.method === "HEAD" || contentType !== "application/json") return;
  if (body.length === 0) return;
  const { message } = JSON.parse(body.toString()) as { readonly message: string };
  expect(message, told).not.toMatch(/by a defect/);
  expect(message, told).not.toBe("");
  if (status === 500) expect(message, told).toMatch(dockersOwn);
}

async function residentMebibytes({ pid }: DaemonProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(/VmRSS:\s+(?<kilobytes>\d+)/.exec(status)?.groups?.["kilobytes"]) / 1024);
}

/** What the requests have created goes, so that memory shows what is lost. */
async function sweep({ apiPath }: DaemonProcess): Promise<void> {
  for (const kind of ["services", "secrets", "configs"]) {
    const { status, body } = await askOverUnix(apiPath, { method: "GET", path: `/${kind}` });
    const list = status === 200 ? (JSON.parse(body.toString()) as readonly { readonly ID: string }[]) : [];
    for (const { ID } of list) await askOverUnix(apiPath, { method: "DELETE", path: `/${kind}/${ID}` });
  }
}

function sumsOf(maps: readonly ReadonlyMap<number, number>[]): ReadonlyMap<number, number> {
  const sums = new Map<number, number>();
  for (const map of maps) for (const [key, times] of map) sums.set(key, (sums.get(key) ?? 0) + times);
  return sums;
}

const places = [
  { name: "m1", share: 0.8, is: "active" },
  { name: "w1", share: 0.1, is: "active" },
  { name: "n1", share: 0.1, is: "inactive" },
] as const;

test.each(places)("$name is well after its share of the requests", { timeout: 60_000 + count * 50 }, async (place) => {
  const daemon = cluster.daemon(place.name);
  const lanes = Array.from({ length: connections }, (_unused, number) => new Lane(daemon, number));
  const resident: number[] = [];
  const wanted = count * place.share;
  const start = clock.monotonic();
  for (let asked = 0; asked < wanted; asked += part) {
    const each = Math.ceil(Math.min(part, wanted - asked) / connections);
    await Promise.all(lanes.map((lane) => lane.ask(each)));
    if (place.name === "m1") await sweep(daemon);
    resident.push(await residentMebibytes(daemon));
  }
  for (const lane of lanes) lane.close();
  const took = Math.round((clock.monotonic() - start) / 1_000);
  if (given !== undefined) {
    const statuses = [...sumsOf(lanes.map((lane) => lane.statuses))].sort(([one], [other]) => one - other);
    const answers = statuses.map(([status, times]) => `${status}: ${times}`).join(", ");
    process.stdout.write(
      `${place.name}: ${wanted} requests of seed ${seed} in ${took} s; resident MiB ${resident.join(", ")}; answers ${answers}\n`,
    );
  }
  const { body } = await askOverUnix(daemon.apiPath, { method: "GET", path: "/info" });
  expect(JSON.parse(body.toString())).toMatchObject({ Swarm: { LocalNodeState: place.is } });
  expect(await readFile(daemon.logFile, "utf8")).not.toMatch(/by a defect|uncaught|"level":"error"/);
  // Flat: the second half of the run does not need much more than the first.
  const [early = 0, late = 0] = [resident[Math.floor(resident.length / 2)], resident.at(-1)];
  expect(late - early, resident.join(", ")).toBeLessThan(100);
});
