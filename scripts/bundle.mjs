// Puts the built packages and what they import into packages/cli/bundle: the same program as packages/cli/dist/main.js in a
// handful of files instead of 800, which halves the time and memory that a start takes. Runs after the build.
import { execFileSync } from "node:child_process";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const entry = join(root, "packages/cli/dist/main.js");
const output = join(root, "packages/cli/bundle");

/** Packages with files of their own beside their code, a native library or a worker's script: who imports them. */
const unbundled = { level: "raft", pino: "runtime" };

/** What is loaded on the way to something else and never used: docker-modem can speak SSH, and our engines cannot. */
const unused = ["ssh2"];

const fromOutput = (path) => relative(output, path).replaceAll("\\", "/");

const bundle = await rolldown({
  input: entry,
  platform: "node",
  plugins: [
    {
      name: "unbundled packages",
      async resolveId(source, importer) {
        if (unused.includes(source)) return `\0unused:${source}`;
        const owner = unbundled[source];
        if (owner === undefined) return null;
        const { id } = await this.resolve(source, importer, { skipSelf: true });
        const [, file] = id.split(`/node_modules/${source}/`);
        return { id: fromOutput(join(root, "packages", owner, "node_modules", source, file)), external: true };
      },
      load: (id) => (id.startsWith("\0unused:") ? "export {};" : null),
    },
    {
      // Files that modules find by their own place are where they were.
      name: "places of modules",
      transform: (code, id) =>
        id === entry || id.startsWith("\0") || !code.includes("import.meta.url")
          ? null
          : code.replaceAll("import.meta.url", `new URL(${JSON.stringify(fromOutput(id))}, import.meta.url).href`),
    },
  ],
  onLog: (level, log, report) => {
    // Dependencies of our dependencies; nothing of ours is circular or evaluates text (biome sees to that).
    if (log.code === "EVAL" || log.code === "CIRCULAR_DEPENDENCY") return;
    report(level, log);
  },
});
await bundle.write({ dir: output, format: "esm", cleanDir: true, chunkFileNames: "[name]-[hash].js" });

// V8's compiled code of it, which ./mswarm points node to: a start would compile all of it anew otherwise.
const environment = { ...process.env, NODE_COMPILE_CACHE: join(output, "compiled") };
execFileSync(process.execPath, [join(root, "scripts/load-bundle.mjs"), output], { env: environment });
execFileSync(process.execPath, [join(output, "main.js"), "--help"], { env: environment, stdio: "ignore" });
