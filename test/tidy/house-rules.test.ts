// What linters cannot say about the sources. Each message says what to do instead.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

function filesBelow(directory: string, ending: RegExp): string[] {
  const skip = /(^|\/)(node_modules|dist|bundle|generated|fixtures)(\/|$)/;
  return readdirSync(join(root, directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && ending.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((file) => !skip.test(file));
}

const read = (file: string): string => readFileSync(join(root, file), "utf8");
const isTest = (file: string): boolean => file.endsWith(".test.ts") || file.includes("/testing/");
const sources = filesBelow("packages", /\.ts$/);
const product = sources.filter((file) => !isTest(file));

/** Lines of the files that match, as `file:line: text`. Comment lines do not count. */
function offences(files: readonly string[], pattern: RegExp): string[] {
  return files.flatMap((file) =>
    read(file)
      .split("\n")
      .flatMap((line, index) =>
        pattern.test(line) && !/^\s*(\/\/|\*|\/\*)/.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : [],
      ),
  );
}

/** The import table of ARCHITECTURE.md (DESIGN section 3). */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  runtime: [],
  wire: [],
  template: ["runtime", "wire"],
  rpc: ["runtime", "wire"],
  store: ["runtime", "wire"],
  raft: ["runtime", "wire"],
  pki: ["runtime"],
  engine: ["runtime"],
  manager: ["runtime", "wire", "template", "rpc", "store", "raft", "pki"],
  worker: ["runtime", "wire", "template", "rpc", "engine"],
  "docker-json": ["runtime", "wire"],
  "engine-api": ["runtime", "wire", "rpc", "pki", "docker-json"],
  node: ["runtime", "wire", "rpc", "store", "raft", "pki", "engine", "manager", "worker", "docker-json", "engine-api"],
  cli: ["runtime", "wire", "template", "rpc", "pki", "docker-json", "node"],
};
// Tests of a package may also use what exists for tests.
const testExports =
  /^@mswarm\/(runtime\/simulated|store\/testing|rpc\/testing|raft\/testing|pki\/testing|engine\/fake)$/;

test("a package imports only what the table allows", () => {
  const wrong = sources.flatMap((file) => {
    const own = file.split("/")[1] ?? "";
    const allowed = mayImport[own] ?? [];
    return [...read(file).matchAll(/from "(@mswarm\/[^"]+)"/g)]
      .map((match) => match[1] ?? "")
      .filter((name) => !(isTest(file) && testExports.test(name)))
      .filter((name) => !allowed.includes(name.split("/")[1] ?? ""))
      .map((name) => `${file} imports ${name}: put what is shared into a package that both may import`);
  });
  expect(wrong).toEqual([]);
});

test("the manifest of a package names the same packages as its project references", () => {
  for (const name of Object.keys(mayImport)) {
    const manifest = JSON.parse(read(`packages/${name}/package.json`)) as { dependencies?: Record<string, string> };
    const config = JSON.parse(read(`packages/${name}/tsconfig.json`)) as { references: { path: string }[] };
    const inManifest = Object.keys(manifest.dependencies ?? {}).filter((key) => key.startsWith("@mswarm/"));
    expect(config.references.map(({ path }) => path.replace("../", "@mswarm/")).sort(), name).toEqual(
      inManifest.sort(),
    );
    for (const dependency of inManifest) expect(mayImport[name], name).toContain(dependency.replace("@mswarm/", ""));
  }
});

test("the folders of the manager meet in the store, not in each other's files", () => {
  const shared = new Set(["objects", "loops"]);
  const wrong = sources
    .filter((file) => /^packages\/manager\/src\/[a-z]+\//.test(file) && !file.endsWith(".test.ts"))
    .flatMap((file) => {
      const own = file.split("/")[3] ?? "";
      return [...read(file).matchAll(/from "\.\.\/([a-z]+)\//g)]
        .map((match) => match[1] ?? "")
        .filter((folder) => folder !== own && !shared.has(folder) && !file.includes("/testing/"))
        .map((folder) => `${file} imports ${folder}/: move what both need to objects/ or loops/`);
    });
  expect(wrong).toEqual([]);
});

test("nobody reaches into the sources of another package", () => {
  expect(offences(sources, /from "(\.\.\/)+[a-z-]+\/src\/|from "@mswarm\/[^"]+\/(src|dist)\//)).toEqual([]);
});

test("time and randomness are parameters: only runtime touches the real ones", () => {
  const real =
    /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bset(Timeout|Interval|Immediate)\(|\bperformance\.now\(|\brandom(Bytes|UUID|Int)\(/;
  expect(
    offences(
      product.filter((file) => !file.startsWith("packages/runtime/")),
      real,
    ),
  ).toEqual([]);
});

test("errors are typed: no bare Error, no any, no silenced compiler", () => {
  expect(offences(product, /throw new Error\(/)).toEqual([]);
  expect(offences(sources, /: any\b|\bas any\b|<any>|@ts-ignore|@ts-expect-error|\bas unknown as\b/)).toEqual([]);
});

test("nothing is left for later without being said in the product", () => {
  expect(offences(sources, /\b(TODO|FIXME|XXX)\b/)).toEqual([]);
});

test("no test is skipped or alone", () => {
  const tests = [...sources, ...filesBelow("test", /\.ts$/)].filter(
    (file) => file.endsWith(".test.ts") && !file.includes("/tidy/"),
  );
  expect(offences(tests, /\.(skip|todo|only|skipIf|runIf)\(/)).toEqual([]);
});

test("no file is a drawer", () => {
  expect(sources.filter((file) => /\/(utils?|helpers?|common|misc|types)\.ts$/.test(file))).toEqual([]);
});

test("dockerode has one importer, and so has the X.509 library", () => {
  const importers = (name: string): string[] => product.filter((file) => read(file).includes(`from "${name}"`));
  expect(importers("dockerode").every((file) => file.startsWith("packages/engine/"))).toBe(true);
  expect(importers("@peculiar/x509")).toEqual(["packages/pki/src/x509.ts"]);
});

test("links in the documents lead somewhere", () => {
  const documents = [...filesBelow("docs", /\.md$/), "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"];
  const broken = documents.flatMap((file) =>
    [...read(file).matchAll(/\]\(([^)#\s]+)(#[^)]*)?\)/g)]
      .map((match) => match[1] ?? "")
      .filter((target) => !/^[a-z]+:/.test(target) && !existsSync(join(root, dirname(file), target)))
      .map((target) => `${file}: ${target}`),
  );
  expect(broken).toEqual([]);
});
