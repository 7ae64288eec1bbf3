// Puts what the image of a daemon holds into a folder: image-files.mjs FOLDER NODE_FLAGS. Called by scripts/image, after the build.
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const [, , image, flags] = process.argv;
if (flags === undefined) throw new Error("usage: image-files.mjs FOLDER NODE_FLAGS");
const app = join(image, "app");

for (const folder of ["bin", "tmp", "etc", "root", "proc", "dev", "run", "var/lib/mswarm"]) {
  mkdirSync(join(image, folder), { recursive: true });
}
symlinkSync("/run", join(image, "var/run"));
writeFileSync(join(image, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");

// Node, without what only a debugger reads, and the libraries that its loader will ask for.
const node = join(image, "bin/node");
cpSync(realpathSync(process.execPath), node);
execFileSync("strip", ["--strip-all", node]);
const libraries = execFileSync("ldd", [process.execPath], { encoding: "utf8" }).matchAll(/(?:=> )?(\/\S+) \(0x/g);
for (const [, library] of libraries) {
  mkdirSync(join(image, dirname(library)), { recursive: true });
  cpSync(realpathSync(library), join(image, library));
}

// For mounts, and for whoever looks into a container.
cpSync("/bin/busybox", join(image, "bin/busybox"));
for (const applet of ["sh", "mount", "umount", "cat", "ls", "ps", "ip", "test"])
  symlinkSync("busybox", join(image, "bin", applet));

const bundle = "packages/cli/bundle";
cpSync(join(root, bundle), join(app, bundle), {
  recursive: true,
  filter: (source) => basename(source) !== "compiled",
});
for (const { name } of readdirSync(join(root, "packages"), { withFileTypes: true })) {
  mkdirSync(join(app, "packages", name), { recursive: true });
  cpSync(join(root, "packages", name, "package.json"), join(app, "packages", name, "package.json"));
}

/** Of a database library, what it is built from and what other machines would load. */
const isNeeded = (source) =>
  !source.includes("/node_modules") &&
  !source.includes("/classic-level/deps") &&
  (!source.includes("/prebuilds/") || source.includes(`/prebuilds/linux-${process.arch}`)) &&
  !/\/(?:docs|benchmarks|test|examples)$/.test(source);

const inImage = (path) => join(app, relative(root, path));

/** Makes `path` of the checkout a link to `target`, as it is there. */
function link(path, target) {
  mkdirSync(dirname(inImage(path)), { recursive: true });
  symlinkSync(relative(dirname(inImage(path)), inImage(target)), inImage(path));
}

const copied = new Set();

/** Copies a package and those it depends on to where pnpm has put them; returns its place in the checkout. */
function copyPackage(directory) {
  const real = realpathSync(directory);
  if (copied.has(real)) return real;
  copied.add(real);
  cpSync(real, inImage(real), { recursive: true, filter: (source) => isNeeded(source.slice(dirname(real).length)) });
  const {
    name,
    dependencies = {},
    optionalDependencies = {},
  } = JSON.parse(readFileSync(join(real, "package.json"), "utf8"));
  let neighbours = dirname(real);
  while (basename(neighbours) !== "node_modules") neighbours = dirname(neighbours);
  for (const dependency of Object.keys({ ...dependencies, ...optionalDependencies })) {
    const path = join(neighbours, dependency);
    if (existsSync(path)) link(path, copyPackage(path));
    else if (dependency in dependencies) throw new Error(`${name} needs ${dependency}, which is not installed`);
  }
  return real;
}

// Those that scripts/bundle.mjs leaves out of the bundle, where the bundle looks for them.
for (const path of ["raft/node_modules/level", "runtime/node_modules/pino", "runtime/node_modules/pino-pretty"]) {
  const linked = join(root, "packages", path);
  link(linked, copyPackage(linked));
}

const start = join(image, "bin/mswarm");
writeFileSync(
  start,
  `#!/bin/sh\nexport NODE_COMPILE_CACHE=/app/${bundle}/compiled\nexec /bin/node ${flags} -- /app/${bundle}/main.js "$@"\n`,
);
chmodSync(start, 0o755);
