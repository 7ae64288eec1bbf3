import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const loggerFile = fileURLToPath(new URL("./logger.ts", import.meta.url));

test("fields that hold secrets are redacted, whatever logs them", () => {
  const script = `
    const { createLogger } = await import(${JSON.stringify(loggerFile)});
    const log = createLogger({ level: "debug", format: "json" });
    log.info({ token: "T-O-P", spec: { data: "S-E-C", inner: { privateKey: "K-E-Y" } }, node: "n1" }, "hello");
  `;
  const { stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  expect(stderr).toContain('"node":"n1"');
  expect(stderr).not.toMatch(/T-O-P|S-E-C|K-E-Y/);
});
