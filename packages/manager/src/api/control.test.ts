import { bindService } from "@mswarm/rpc";
import { SeededRandom } from "@mswarm/runtime/simulated";
import { serviceOf } from "@mswarm/wire";
import { expect, test } from "vitest";
import { controlPolicy, createControl } from "./control.ts";
import { controlFixture, membersNamed } from "./testing/control-fixture.ts";

test("every method of Control is served, and admits managers only", () => {
  const { store, clock } = controlFixture();
  const parts = {
    store,
    clock,
    random: new SeededRandom(1),
    membership: membersNamed(),
    isTaskDirty: () => false,
    isMswarmNode: () => true,
  };
  const { methods } = bindService("docker.swarmkit.v1.Control", createControl(parts), controlPolicy);
  expect(methods).toHaveLength(Object.keys(serviceOf("docker.swarmkit.v1.Control")).length);
  for (const { policy } of methods) expect(policy).toEqual({ kind: "roles", roles: ["swarm-manager"], by: "record" });
});
