import { existsSync } from "node:fs";
import { basename } from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

// Sources are resolved by the `mswarm-source` export condition, so no build is needed before a test.
// "import" must not be in this list: vitest would hand it to require() too, and protobufjs would then find no 64-bit numbers.
const resolve = { conditions: ["mswarm-source", "node"] };
const ssr = { resolve: { conditions: ["mswarm-source", "node"], externalConditions: ["mswarm-source", "node"] } };

/**
 * Files of test/docker, test/compatibility and test/e2e that measure times or memory, or touch what a machine has one of: they run one
 * at a time, after the others of their suite. The others wait for Docker most of the time, and run two at a time.
 */
const alone = {
  docker: ["docker-session", "engine-api-load", "machine-engine"],
  e2e: ["failure", "kill", "cluster", "demo"],
};
/** The long ones of those that run side by side go first, so that none of them is left over at the end. */
const longestFirst = [
  ...["mswarm-worker", "docker-worker-services", "container-parity", "engine-api-parity"],
  ...["soak", "docker-worker-nodes", "services", "bad-input", "containers", "interrupted"],
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const groupOf = ({ project }: TestSpecification): number => project.config.sequence.groupOrder;
    const rankOf = ({ moduleId }: TestSpecification): number => {
      const rank = longestFirst.indexOf(basename(moduleId, ".test.ts"));
      return rank === -1 ? longestFirst.length : rank;
    };
    const sorted = await super.sort(files);
    return sorted.sort((a, b) => groupOf(a) - groupOf(b) || rankOf(a) - rankOf(b));
  }
}

let projects = 0;

interface Suite {
  readonly name: string;
  readonly include: readonly string[];
  readonly exclude?: readonly string[];
  /** For one test or hook, in milliseconds. */
  readonly limit: number;
  /** How many files run at a time: a number, or a share of the machine's cores. */
  readonly files: number | "100%";
}

const project = ({ name, include, exclude = [], limit, files }: Suite) => {
  projects += 1;
  return {
    resolve,
    ssr,
    test: {
      name,
      include: [...include],
      exclude: ["**/node_modules/**", ...exclude],
      testTimeout: limit,
      hookTimeout: limit,
      maxWorkers: files,
      // Projects with different numbers of workers run one after the other.
      sequence: { groupOrder: projects },
    },
  };
};

/** Two projects, `name` and `name-alone`: `vitest run --project 'docker*'` runs both. */
const sharing = (name: keyof typeof alone, folders: readonly string[], limit: number) => {
  const measuring = folders
    .flatMap((folder) => alone[name].map((file) => `${folder}/${file}.test.ts`))
    .filter((path) => existsSync(new URL(path, import.meta.url)));
  if (measuring.length !== alone[name].length) throw new Error(`not all of ${alone[name]} are in ${folders}`);
  const include = folders.map((folder) => `${folder}/**/*.test.ts`);
  return [
    project({ name, include, exclude: measuring, limit, files: 2 }),
    project({ name: `${name}-alone`, include: measuring, limit, files: 1 }),
  ];
};

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      project({
        name: "unit",
        include: ["packages/*/src/**/*.test.ts", "test/tidy/*.test.ts"],
        // Far more than any of them takes: on a busy machine they are slow, not wrong.
        limit: 60_000,
        files: "100%",
      }),
      project({ name: "simulation", include: ["test/simulation/**/*.test.ts"], limit: 300_000, files: "100%" }),
      // Attacks measure times.
      project({
        name: "integration",
        include: ["test/integration/**/*.test.ts", "test/attack/**/*.test.ts"],
        // Longer than what is awaited in them may take, so that a test says what it has waited for.
        limit: 180_000,
        files: 1,
      }),
      ...sharing("docker", ["test/docker", "test/compatibility"], 600_000),
      ...sharing("e2e", ["test/e2e"], 600_000),
    ],
  },
});
