import { minutes } from "@mswarm/runtime";
import { SimulatedClock } from "@mswarm/runtime/simulated";
import type { Service } from "@mswarm/wire";
import { expect, test } from "vitest";
import { run, type TestRun, type TestSetting } from "../testing/test-context.ts";

const service = (state: NonNullable<Service["updateStatus"]>["state"] & string): Service => ({
  id: "s1",
  spec: { annotations: { name: "web" }, replicated: { replicas: "0" } },
  updateStatus: { state },
});

const setting = (state: Parameters<typeof service>[0]): TestSetting => ({
  input: "new content",
  control: {
    GetSecret: async () => ({ secret: { id: "db-id" } }),
    GetService: async () => ({ service: service(state) }),
    ListTasks: async () => ({}),
    ListNodes: async () => ({}),
  },
  operations: { RotateSecret: async () => ({ secretId: "next-id", previousName: "db.1", serviceIds: ["s1"] }) },
});

async function rotate(state: Parameters<typeof service>[0], ...flags: string[]): Promise<TestRun> {
  const clock = new SimulatedClock();
  const running = run(["secret", "rotate", ...flags, "db", "-"], { ...setting(state), clock });
  await clock.advance(minutes(1));
  return await running;
}

test("a secret is rotated with content that is never an argument, and the services are waited for", async () => {
  const { out, exitCode, requests } = await rotate("COMPLETED", "-q", "--keep", "1h");
  expect(exitCode).toBe(0);
  expect(out).toBe("next-id\n");
  const sent = requests.find(([method]) => method === "RotateSecret");
  expect(sent?.[1]).toMatchObject({ secretId: "db-id", data: Buffer.from("new content"), keep: { seconds: "3600" } });
});

test("services that went back to the old version are a failure that names them", async () => {
  const { err, exitCode } = await rotate("ROLLBACK_COMPLETED", "-q");
  expect(exitCode).toBe(1);
  expect(err).toContain("did not work for web: rolled back to the old one, which is kept as db.1");
  expect(err).not.toContain("new content");
});

test("empty content and spans that nobody can read are refused before anybody is asked", async () => {
  const empty = await run(["secret", "rotate", "db", "-"], { ...setting("COMPLETED"), input: "" });
  expect(empty).toMatchObject({ exitCode: 1, requests: [] });
  const span = await run(["secret", "rotate", "--keep", "soon", "db", "-"], setting("COMPLETED"));
  expect(span).toMatchObject({ exitCode: 2, requests: [] });
});
