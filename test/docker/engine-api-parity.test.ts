// The same HTTP requests against a stock Docker swarm and against mswarm, above an engine of the same version, for two
// versions. What differs stands in the lists of known differences, with the reason.
import { openUnixChannel } from "@mswarm/rpc";
import { afterAll, beforeAll, expect, test } from "vitest";
import { engineVersions } from "../support/docker-engine.ts";
import { type EngineApiPair, type Side, startEngineApiPair } from "../support/engine-api-pair.ts";
import { useDockerode } from "./dockerode-session.ts";
import { compareBadRequests } from "./engine-api-bad-requests.ts";
import { clientSessions, knownOfClients } from "./engine-api-client-steps.ts";
import { EngineApiComparison } from "./engine-api-comparison.ts";
import { inside, known, outside } from "./engine-api-steps.ts";

let pairs: readonly EngineApiPair[] = [];

beforeAll(async () => {
  const starting = await Promise.allSettled(engineVersions.map((version) => startEngineApiPair(version)));
  pairs = starting.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  for (const each of starting) if (each.status === "rejected") throw each.reason;
});
afterAll(async () => {
  await Promise.all(pairs.map((pair) => pair.stop()));
});

/** On the pairs of all versions at once: most of the time is the engines'. */
const withEach = async (does: (pair: EngineApiPair) => Promise<void>): Promise<void> => {
  await Promise.all(pairs.map(does));
};

test("a node outside a swarm answers as Docker does", async () => {
  await withEach((pair) => new EngineApiComparison(pair, known).compare(outside));
});

test("dockerode's users see what they see on Docker", async () => {
  await withEach(async ({ docker, mswarm, apiVersion, image }) => {
    const [theirs, ours] = await Promise.all(
      [docker, mswarm].map((side) => useDockerode(side.socketPath, side.listenAddress, image)),
    );
    for (const [number, { call, answer }] of (theirs ?? []).entries()) {
      expect.soft(ours?.[number], `API ${apiVersion}: ${call}`).toEqual({ call, answer });
    }
    expect(ours?.length).toBe(theirs?.length);
  });
});

test("a swarm is made", async () => {
  await withEach(async ({ docker, mswarm }) => {
    for (const side of [docker, mswarm]) {
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
});

test.each(clientSessions)("$client gets the answers that it gets from Docker", async ({ steps }) => {
  await withEach((pair) => new EngineApiComparison(pair, knownOfClients).compare(steps));
});

test("a manager answers as Docker does", async () => {
  await withEach((pair) => new EngineApiComparison(pair, known).compare(inside));
});

test("what is stored is what Docker stores for the same requests", async () => {
  await withEach(async (pair) => {
    const [docker, mswarm] = await Promise.all([storedSpecs(pair.docker), storedSpecs(pair.mswarm)]);
    expect([...docker.keys()]).toEqual(expect.arrayContaining(["full", "web", "everywhere", "oldjob"]));
    for (const [name, spec] of docker) expect.soft(mswarm.get(name), `${pair.apiVersion}: ${name}`).toEqual(spec);
  });
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

/** Newer engines store a start interval of a health check also where none was said. */
const withoutCredentials = (key: string, value: unknown): unknown =>
  key === "pullOptions" || key === "startInterval" ? undefined : value;

test("bad requests are answered with the status that Docker answers", async () => {
  await withEach((pair) => compareBadRequests(pair, 7, 300));
});
