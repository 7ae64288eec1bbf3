// Requests to the swarm routes that somebody careless, or hostile, may send: seeded, so that a failure can be made again.
import { pick, type Random } from "@mswarm/runtime";
import type { HttpQuestion } from "../support/http-over-unix.ts";
import { type FramedRequest, oddlyFramed, plainlyFramed } from "./face-fuzz-framing.ts";
import { nearlyGoodBody } from "./face-fuzz-specs.ts";

/** Where it goes deep: real routes, with names that may exist. */
const routes = (
  "POST /swarm/init|POST /swarm/join|POST /swarm/leave|POST /swarm/unlock|GET /swarm|GET /swarm/unlockkey|POST /swarm/update|" +
  "GET /nodes|GET /nodes/{id}|POST /nodes/{id}/update|DELETE /nodes/{id}|GET /services|GET /services/{id}|POST /services/create|" +
  "POST /services/create|POST /services/create|POST /services/{id}/update|POST /services/{id}/update|DELETE /services/{id}|" +
  "GET /services/{id}/logs|GET /tasks|GET /tasks/{id}|GET /tasks/{id}/logs|GET /secrets|GET /secrets/{id}|POST /secrets/create|" +
  "POST /secrets/{id}/update|DELETE /secrets/{id}|GET /configs|GET /configs/{id}|POST /configs/create|" +
  "POST /configs/{id}/update|DELETE /configs/{id}|POST /nodes/m1/update|GET /nodes/m1|GET /info|GET /_ping|" +
  "GET /networks/{id}|POST /networks/create|GET /containers/json"
).split("|");
const kinds = ["swarm", "nodes", "services", "tasks", "secrets", "configs"] as const;
const verbs = ["", "/create", "/update", "/logs", "/init", "/join", "/leave", "/unlock", "/unlockkey", "/x/y/z", "/"];
const methods = ["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"];
const names = [
  // In upper case: an id may begin with a small letter, and prefixes are looked up.
  "A",
  "fuzz-1",
  "nope",
  "%20",
  "%ff",
  "..",
  "%2e%2e",
  "%2f",
  "a%00b",
  "é",
  "x".repeat(300),
  "self",
  "🙂",
  "a//b",
  "a/../b",
  ".",
  "%E0%80%AF",
  "%u0041",
];
const versions = ["", "/v1.24", "/v1.29", "/v1.39", "/v1.41", "/v1.99", "/v0.1", "/v1", "/vx"];
const parameters = [
  "version",
  "filters",
  "status",
  "insertDefaults",
  "force",
  "rollback",
  "registryAuthFrom",
  "stdout",
  "stderr",
].concat(["tail", "since", "details", "timestamps", "rotateWorkerToken", "rotateManagerUnlockKey", "zz", "follow"]);

/** Where the fields of specs lie: a value in the right place reaches further than noise. */
const fields = (
  "Name Labels Data TaskTemplate ContainerSpec Image Env Mounts Type Source Target BindOptions Propagation Secrets Configs File " +
  "Mode Replicated Replicas Global ReplicatedJob UpdateConfig RollbackConfig Parallelism Delay Order EndpointSpec Ports " +
  "Protocol TargetPort PublishedPort Resources Limits Reservations NanoCPUs GenericResources RestartPolicy Condition Placement " +
  "Constraints Preferences Spread Networks Healthcheck Interval Privileges CredentialSpec Seccomp Sysctls Ulimits Hosts " +
  "DNSConfig Runtime PluginSpec Role Availability Spec Raft CAConfig ExternalCAs Orchestration ListenAddr RemoteAddrs JoinToken " +
  "UnlockKey Driver Templating LogDriver Options ForceUpdate Init StopGracePeriod __proto__ constructor toString"
).split(" ");

const scalars: readonly unknown[] = [
  ...[
    "",
    "a",
    "fuzz-1",
    "vip",
    "worker",
    "active",
    "any",
    "golang",
    "eA==",
    "!!",
    "\u0000",
    "\ud800",
    "x".repeat(10_000),
  ],
  ...[0, 1, -1, 1.5, 4_294_967_296, 1e300, true, false, null],
];

/** Any JSON: mostly objects whose fields exist somewhere. */
function anyJson(random: Random, depth: number): unknown {
  const choice = random.below(10);
  if (depth === 0 || choice < 3) return pick(scalars, random);
  if (choice < 5) return Array.from({ length: random.below(4) }, () => anyJson(random, depth - 1));
  const count = random.below(6);
  return Object.fromEntries(
    Array.from({ length: count }, () => {
      const field = pick(fields, random);
      return [random.below(8) === 0 ? field.toLowerCase() : field, anyJson(random, depth - 1)];
    }),
  );
}

function anyBody(path: string, random: Random): string | Buffer {
  switch (random.below(24)) {
    case 0:
      return "";
    case 1:
      return random.bytes(random.below(200));
    case 2:
      return '{"Name":"a","name":"b"}';
    case 3:
      return `${"[".repeat(20_000)}${"]".repeat(20_000)}`;
    case 4:
      return `{"a":`.repeat(5_000);
    case 5:
      return `{"TaskTemplate":{"ForceUpdate":${"9".repeat(1 + random.below(40))}}}`;
    case 6:
      return `{"Name":"${"x".repeat(random.below(300_000))}"}`;
    case 7:
      return `${JSON.stringify(anyJson(random, 5))} trailing`;
    case 8:
      return JSON.stringify(anyJson(random, 6));
    case 9:
      return cutOff(nearlyGoodBody(path, random), random);
    case 10:
      return spoilt(nearlyGoodBody(path, random), random);
    default:
      return nearlyGoodBody(path, random);
  }
}

const cutOff = (text: string, random: Random): string => text.slice(0, random.below(text.length + 1));

/** With one byte that is another one: often no UTF-8 any more. */
function spoilt(text: string, random: Random): Buffer {
  const bytes = Buffer.from(text);
  bytes[random.below(bytes.length)] = random.below(256);
  return bytes;
}

function anyQuery(random: Random): string {
  const count = random.below(200) === 0 ? 300 : random.below(4);
  const pairs = Array.from({ length: count }, () => {
    const value = pick(
      ["1", "0", "x", "", "-1", "99999999999999999999", "previous", "%zz", "%ff", '{"name":["a"]}'].concat([
        JSON.stringify(anyJson(random, 2)),
        '{"name":{"a":true,"a":false}}',
        `{"label":${JSON.stringify(Array.from({ length: 50 }, (_unused, index) => `l${index}`))}}`,
        "x".repeat(20_000),
        JSON.stringify({
          [pick(["name", "id", "label", "service", "node", "role", "desired-state", "mode"], random)]: { a: true },
        }),
      ]),
      random,
    );
    return `${pick(parameters, random)}=${random.below(2) === 0 ? encodeURIComponent(value) : value.replace(/[^\x21-\x7e]|#/g, "_")}`;
  });
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}

/** What a client writes in one go: mostly one request. Four in five know the routes. */
export function anyRequests(random: Random): readonly FramedRequest[] {
  if (random.below(12) === 0) return [oddlyFramed(anyQuestion(random), random)];
  const count = random.below(12) === 0 ? 2 + random.below(8) : 1;
  const all = Array.from({ length: count }, () => plainlyFramed(anyQuestion(random)));
  // Nothing can be asked behind an answer that does not end.
  const end = all.findIndex(({ fate }) => fate === "stream");
  return end < 0 ? all : all.slice(0, end + 1);
}

/** None makes the node leave its swarm: it would be a test of that alone. */
export function anyQuestion(random: Random): HttpQuestion {
  const headers =
    random.below(8) === 0 ? { "X-Registry-Auth": random.bytes(random.below(100)).toString("base64") } : {};
  const question = random.below(5) === 0 ? noise(random) : knowing(random);
  if (/leave/.test(question.path)) return { method: "GET", path: "/swarm" };
  const { method, path } = question;
  const hasBody = method !== "GET" && method !== "HEAD" && random.below(20) !== 0;
  return { ...question, headers, ...(hasBody ? { body: anyBody(path.replace(/^\/v1\.\d+/, ""), random) } : {}) };
}

function knowing(random: Random): HttpQuestion {
  const [method = "", pattern = ""] = pick(routes, random).split(" ");
  const name =
    random.below(3) === 0
      ? encodeURIComponent(pick(["A", "nope", "x/y", "fuzz", "🙂"], random))
      : `fuzz-${random.below(5)}`;
  const version = pick(["", "", "/v1.24", "/v1.29", "/v1.40", "/v1.41"], random);
  const query = anyQuery(random);
  const based = /update/.test(pattern)
    ? `${query === "" ? "?" : `${query}&`}version=${random.below(2) === 0 ? "@" : random.below(60)}`
    : query;
  return { method, path: `${version}${pattern.replace("{id}", name)}${based}` };
}

function noise(random: Random): HttpQuestion {
  const name = random.below(2) === 0 ? "" : `/${encodeURI(pick(names, random)).replaceAll("%25", "%")}`;
  const path = `${pick(versions, random)}/${pick(kinds, random)}${name}${pick(verbs, random)}${anyQuery(random)}`;
  return { method: pick(methods, random), path };
}
