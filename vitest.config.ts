import { defineConfig } from "vitest/config";

// Sources are resolved by the `mswarm-source` export condition, so no build is needed before a test.
// "import" must not be in this list: vitest would hand it to require() too, and protobufjs would then find no 64-bit numbers.
const resolve = { conditions: ["mswarm-source", "node"] };
const ssr = { resolve: { conditions: ["mswarm-source", "node"], externalConditions: ["mswarm-source", "node"] } };
const project = (name: string, include: string[], testTimeout: number, sequential = false) => ({
  resolve,
  ssr,
  test: { name, include, testTimeout, hookTimeout: testTimeout, ...(sequential ? { fileParallelism: false } : {}) },
});

export default defineConfig({
  test: {
    projects: [
      project("unit", ["packages/*/src/**/*.test.ts", "test/tidy/*.test.ts"], 10_000),
      project("simulation", ["test/simulation/**/*.test.ts"], 300_000),
      project("integration", ["test/integration/**/*.test.ts", "test/attack/**/*.test.ts"], 60_000),
      project("docker", ["test/docker/**/*.test.ts", "test/compatibility/**/*.test.ts"], 180_000, true),
      project("e2e", ["test/e2e/**/*.test.ts"], 300_000, true),
    ],
  },
});
