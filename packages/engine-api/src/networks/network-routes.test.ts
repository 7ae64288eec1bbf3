import { notFound } from "@mswarm/runtime";
import { expect, test } from "vitest";
import { refusingControl } from "../testing/refusing-control.ts";
import { scriptedEngine } from "../testing/scripted-engine.ts";
import { aloneState, bodyOf, startTestFace, type TestFace } from "../testing/test-face.ts";
import { networkRoutes } from "./network-routes.ts";

const host = {
  id: "hostid0000000000000000000",
  spec: { annotations: { name: "host" } },
  driverState: { name: "host" },
};

/** A face on a manager whose swarm has the predefined network host, and whose engine has one of that name too. */
const start = (isManager = true, asked: string[] = []): Promise<TestFace> =>
  startTestFace(networkRoutes, {
    engine: scriptedEngine(
      { "/networks/bridge": { Id: "b", Scope: "local" }, "/networks/create": { Id: "new" } },
      asked,
    ),
    context: {
      nodeState: () => ({ ...aloneState, ...(isManager ? { kind: "active", isManager } : {}) }),
      control: async () => ({
        ...refusingControl(),
        GetNetwork: async ({ networkId }) => {
          if (networkId !== host.id) throw notFound(`network ${networkId} not found`);
          return { network: host };
        },
        ListNetworks: async ({ filters }) => ({
          networks: [
            ...(filters?.names?.includes("host") ? [host] : []),
            ...(filters?.idPrefixes?.some((prefix) => host.id.startsWith(prefix)) ? [host] : []),
          ],
        }),
      }),
    },
  });

test("the engine's network comes first", async () => {
  expect(await bodyOf(await start(), "GET /v1.41/networks/bridge")).toBe('{"Id":"b","Scope":"local"}');
});

test("a predefined network of the swarm is found by id, by prefix, and by name where the swarm's is asked for", async () => {
  const face = await start();
  for (const target of [host.id, "hostid", "host?scope=swarm"]) {
    expect(JSON.parse(await bodyOf(face, `GET /v1.41/networks/${target}`)), target).toMatchObject({
      Id: host.id,
      Name: "host",
      Scope: "swarm",
    });
  }
});

test("what neither has is missing in the engine's words, and so on a node that is no manager", async () => {
  expect(await bodyOf(await start(), "GET /v1.41/networks/nothing")).toContain("nothing here");
  expect(await bodyOf(await start(), "GET /v1.41/networks/hostid?scope=local")).toContain("nothing here");
  expect(await bodyOf(await start(false), `GET /v1.41/networks/${host.id}`)).toContain("nothing here");
});

test("networks of the swarm are refused, others are the engine's", async () => {
  const asked: string[] = [];
  const face = await start(true, asked);
  for (const body of ['{"Driver":"overlay"}', '{"driver":"overlay"}', '{"Scope":"swarm"}', '{"Ingress":true}']) {
    expect(await bodyOf(face, "POST /v1.41/networks/create", body), body).toContain("not available yet");
  }
  expect(await bodyOf(face, "POST /v1.41/networks/create", '{"Driver":"bridge","driver":"overlay"}')).toContain(
    "twice",
  );
  expect(asked.filter((target) => target.includes("create"))).toEqual([]);
  expect(await bodyOf(face, "POST /v1.41/networks/create", '{"Name":"n"}')).toBe('{"Id":"new"}');
});
