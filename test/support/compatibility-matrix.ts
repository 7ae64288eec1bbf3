// Which Docker version does what with mswarm: the scenarios are tests, their results a table, and the table stands in
// docs/compatibility.md between two comments. `MSWARM_WRITE_MATRIX=1` writes it there; otherwise it has to say the same.
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { systemClock } from "@mswarm/runtime";
import { describe, expect, test } from "vitest";

const document = fileURLToPath(new URL("../../docs/compatibility.md", import.meta.url));
const clock = systemClock();

interface Result {
  readonly works: boolean;
  readonly seconds: number;
}

export class CompatibilityMatrix {
  readonly #section: string;
  readonly #versions: readonly string[];
  readonly #scenarios: string[] = [];
  readonly #results = new Map<string, Result>();

  /**
   * @param section  the part of the document: `<!-- matrix: SECTION -->`, the table, `<!-- end of matrix -->`
   * @param versions  of Docker Engine, in the order of the columns
   */
  constructor(section: string, versions: readonly string[]) {
    this.#section = section;
    this.#versions = versions;
  }

  /** A row: one test for each version, all at the same time. Rows run one after the other. */
  scenario(name: string, run: (version: string) => Promise<void>): void {
    this.#scenarios.push(name);
    describe(name, () => {
      for (const version of this.#versions) {
        test.concurrent(version, () => this.#measured([version], name, () => run(version)));
      }
    });
  }

  /** A row of something that happens to all versions together: one test. */
  commonScenario(name: string, run: () => Promise<void>): void {
    this.#scenarios.push(name);
    test(name, () => this.#measured(this.#versions, name, run));
  }

  /**
   * The last test of the file: prints the table and compares it with the document's. Durations may differ; what has failed, or was
   * left out, is its own test's affair.
   */
  isDocumented(): void {
    test("docs/compatibility.md says what was just seen", async () => {
      const rows = this.#scenarios.map((name) => [name, ...this.#versions.map((version) => this.#cell(name, version))]);
      const table = lines([["scenario", ...this.#versions], ["---", ...this.#versions.map(() => "---")], ...rows]);
      console.log(`[${this.#section}]\n${table.join("\n")}`);
      const text = await readFile(document, "utf8");
      const [start, end] = [`<!-- matrix: ${this.#section} -->`, "<!-- end of matrix -->"];
      const [before = "", rest] = text.split(start);
      if (rest === undefined) throw expect.fail(`docs/compatibility.md has no ${start}`);
      const [found = "", ...after] = rest.split(end);
      if (process.env["MSWARM_WRITE_MATRIX"] !== undefined) {
        await writeFile(document, [`${before}${start}\n${table.join("\n")}\n`, ...after].join(end));
        return;
      }
      const [documented, seen] = [found.trim().split("\n"), table].map((each) => each.map(withoutTimes));
      expect(documented).toEqual(seen?.map((line, index) => (saysNothing.test(line) ? documented?.[index] : line)));
    });
  }

  async #measured(versions: readonly string[], name: string, run: () => Promise<void>): Promise<void> {
    const start = clock.monotonic();
    let works = false;
    try {
      await run();
      works = true;
    } finally {
      const result = { works, seconds: (clock.monotonic() - start) / 1_000 };
      for (const version of versions) this.#results.set(`${name} ${version}`, result);
    }
  }

  #cell(name: string, version: string): string {
    const result = this.#results.get(`${name} ${version}`);
    if (result === undefined) return "not run";
    return `${result.works ? "works" : "FAILS"}, ${result.seconds.toFixed(1)} s`;
  }
}

const lines = (rows: readonly (readonly string[])[]): readonly string[] => rows.map((row) => `| ${row.join(" | ")} |`);

/** Of a row. */
const saysNothing = /FAILS|not run/;

const withoutTimes = (line: string): string => line.replaceAll(/, [\d.]+ s\b/g, "");
