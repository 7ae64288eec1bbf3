// Runs every suite one after the other and adds up. Fails when a test failed, was skipped, or a suite ran nothing. A suite that takes
// longer than its budget is told apart at the end, and is no failure: the budgets are for two cores with nothing else to do.
// Arguments, if any, choose suites by name; --slowest prints the thirty slowest tests.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const node = process.execPath;
const bin = (name) => join(root, "node_modules", name);
/** Seconds. The checks of `static` count as unit's. */
const budgets = { unit: 120, simulation: 360, integration: 360, docker: 360, e2e: 480 };
const suites = Object.keys(budgets);
const wantsSlowest = process.argv.includes("--slowest");
const chosen = process.argv.slice(2).filter((word) => word !== "--slowest");
for (const name of chosen) {
  if (!suites.includes(name) && name !== "static") {
    console.error(`no suite is called ${name}; there are: static, ${suites.join(", ")}`);
    process.exit(2);
  }
}
const wanted = (name) => chosen.length === 0 || chosen.includes(name);

let passed = 0;
/** A line each: what failed, was skipped or did not run. Repeated at the end, for a log may be cut. */
const failures = [];
const report = (line) => console.log(`== ${line}`);
/** Seconds by suite. */
const spent = new Map();
const slowest = [];

function spend(name, started) {
  const seconds = (Date.now() - started) / 1000;
  spent.set(name, (spent.get(name) ?? 0) + seconds);
  return `${seconds.toFixed(1)} s`;
}

/** One check that is not a test file: it counts as one test. */
function check(name, args) {
  const started = Date.now();
  const { status } = spawnSync(node, args, { cwd: root, stdio: "inherit" });
  if (status === 0) passed += 1;
  else failures.push(name);
  report(`${name}: ${status === 0 ? "passed" : "FAILED"} in ${spend("unit", started)}`);
}

function suite(name) {
  const started = Date.now();
  const directory = mkdtempSync(join(tmpdir(), "mswarm-suite-"));
  const output = join(directory, "report.json");
  // `docker` and `docker-alone`: see vitest.config.ts.
  const args = ["run", "--project", `${name}*`, "--reporter=default", "--reporter=json", `--outputFile.json=${output}`];
  const { status } = spawnSync(node, [bin("vitest/vitest.mjs"), ...args], { cwd: root, stdio: "inherit" });
  let result;
  try {
    result = JSON.parse(readFileSync(output, "utf8"));
  } catch {
    failures.push(`${name}: no report`);
    report(`${name}: FAILED, the runner left no report in ${spend(name, started)}`);
    return;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  const before = failures.length;
  for (const file of result.testResults) {
    const path = relative(root, file.name);
    // A file that fails to load holds no failed test.
    const isExplained = file.assertionResults.some(({ status }) => status === "failed");
    if (file.status === "failed" && !isExplained) failures.push(`${path}: ${firstLine(file.message)}`);
    for (const { duration = 0, fullName, status, failureMessages = [] } of file.assertionResults) {
      slowest.push({ duration, path, fullName });
      // What was skipped is a failure too.
      if (status !== "passed") failures.push(`${path}: ${fullName}: ${firstLine(failureMessages[0] ?? status)}`);
    }
  }
  if (result.numTotalTests === 0) failures.push(`${name}: nothing ran`);
  if (status !== 0 && failures.length === before) failures.push(`${name}: the runner failed, no test did`);
  passed += result.numPassedTests;
  report(`${name}: ${result.numPassedTests} passed, ${failures.length - before} failed in ${spend(name, started)}`);
}

const firstLine = (text) => text.split("\n", 1)[0].slice(0, 300);

function reportTimes() {
  slowest.sort((a, b) => b.duration - a.duration);
  for (const { duration, path, fullName } of wantsSlowest ? slowest.slice(0, 30) : []) {
    console.log(`${(duration / 1000).toFixed(1).padStart(6)} s  ${path}: ${fullName}`);
  }
  for (const [name, seconds] of spent) {
    const over = seconds - budgets[name];
    const verdict = over > 0 ? `  <<<<<< ${over.toFixed(0)} s OVER ITS BUDGET` : "";
    report(`${name.padEnd(11)} ${seconds.toFixed(0).padStart(4)} s of ${budgets[name]} s${verdict}`);
  }
}

if (wanted("static")) {
  check("types", [bin("typescript/bin/tsc"), "-b"]);
  check("types of the tests", [bin("typescript/bin/tsc"), "-p", "test"]);
  check("lint and format", [bin("@biomejs/biome/bin/biome"), "check", "--error-on-warnings", "."]);
}
for (const name of suites) if (wanted(name)) suite(name);

reportTimes();
for (const failure of failures) report(`FAILED ${failure}`);
console.log(`${passed} passed, ${failures.length} failed`);
process.exit(failures.length === 0 && passed > 0 ? 0 : 1);
