import { FakeEngine } from "@mswarm/engine/fake";
import { expect, test } from "vitest";
import { nodeDescriptionOf } from "./node-description.ts";

const infoOf = (more = {}) => new FakeEngine({ info: more }).info();

test("a node says what it is, and offers no network that its tasks could not use", async () => {
  const info = await infoOf({
    labels: ["zone=a=b", "flag"],
    genericResources: [
      { kind: "gpu", named: "one" },
      { kind: "ssd", count: 3 },
    ],
  });
  expect(nodeDescriptionOf(info, {})).toEqual({
    hostname: "fake",
    platform: { architecture: "x86_64", os: "linux" },
    resources: {
      nanoCpus: "4000000000",
      memoryBytes: String(8 * 2 ** 30),
      generic: [
        { namedResourceSpec: { kind: "gpu", value: "one" } },
        { discreteResourceSpec: { kind: "ssd", value: "3" } },
      ],
    },
    engine: {
      engineVersion: "20.10.24",
      labels: { zone: "a=b", flag: "" },
      plugins: ["bridge", "host", "null"].map((name) => ({ type: "Network", name })),
    },
  });
});

test("a lab's node offers its share under its own name, and its certificate's issuer", async () => {
  const tlsInfo = { trustRoot: Buffer.from("root") };
  const description = nodeDescriptionOf(await infoOf(), { hostname: "w1", nanoCpus: 5e8, memoryBytes: 1024, tlsInfo });
  expect(description).toMatchObject({
    hostname: "w1",
    resources: { nanoCpus: "500000000", memoryBytes: "1024" },
    tlsInfo,
  });
});

test("the resources that an operator gives to a node are offered in place of the engine's", async () => {
  const info = await infoOf({ genericResources: [{ kind: "ssd", count: 3 }] });
  const genericResources = [{ namedResourceSpec: { kind: "gpu", value: "one" } }];
  expect(nodeDescriptionOf(info, { genericResources }).resources?.generic).toEqual(genericResources);
});
