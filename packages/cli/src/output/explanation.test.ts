import type { mswarm } from "@mswarm/wire";
import { expect, test } from "vitest";
import { run, type TestSetting } from "../testing/test-context.ts";

const waiting: mswarm.ExplainResponse = {
  summary: "0 of its 7 wanted tasks run, 7 wait",
  tasks: [
    {
      taskIds: ["t1"],
      names: [1, 2, 3, 4, 5, 6, 7].map((slot) => `web.${slot}`),
      state: "pending",
      desiredState: "running",
      reason: "no suitable node (1 node not available for new tasks)",
      nodes: [
        {
          nodeId: "n1",
          hostname: "one",
          verdicts: [
            { filter: "ready", outcome: "REFUSED", reason: "its availability is drain" },
            { filter: "resources", outcome: "PASSED" },
            { filter: "ports" },
          ],
        },
      ],
      remedies: ["mswarm node update --availability active one"],
    },
  ],
};

const setting: TestSetting = {
  control: {
    GetService: async ({ serviceId }) => (serviceId === "web" ? { service: { id: "s1" } } : {}),
    ListServices: async () => ({ services: [] }),
    ListTasks: async ({ filters }) => ({
      tasks: ["ta1", "ta2", "tb1"].filter((id) => id.startsWith(filters?.idPrefixes?.[0] ?? "")).map((id) => ({ id })),
    }),
  },
  operations: { Explain: async () => waiting },
};

test("explain shows what each node says and what would help", async () => {
  const { out, exitCode } = await run(["explain", "web"], setting);
  expect(exitCode).toBe(0);
  expect(out.split("\n")).toEqual([
    "0 of its 7 wanted tasks run, 7 wait",
    "",
    "web.1, web.2, web.3, web.4, web.5 and 2 more: pending (wanted: running)",
    "  No suitable node (1 node not available for new tasks)",
    "  NODE      READY     RESOURCES   PORTS",
    "  one       NO        yes         -",
    "  one: its availability is drain",
    "  What would help:",
    "    - mswarm node update --availability active one",
    "",
  ]);
});

test("explain takes a task by a prefix of its id, and prints JSON on request", async () => {
  const { out, requests } = await run(["explain", "--format", "json", "tb"], setting);
  expect(requests.at(-1)).toEqual(["Explain", { taskId: "tb1" }]);
  expect(JSON.parse(out)).toMatchObject(waiting);
  expect(out).toContain('"outcome": "NOT_ASKED"');
  const ambiguous = await run(["explain", "ta"], setting);
  expect(ambiguous.err).toContain("ta is ambiguous (2 matches found)");
  expect((await run(["explain", "x"], setting)).err).toContain("no such service or task: x");
});
