import type { HealthConfig } from "@mswarm/wire";
import { type OptionValues, UsageError } from "../flags/option-values.ts";
import { parseUnsigned } from "../flags/quantities.ts";
import { defined } from "./merging.ts";
import { readDuration } from "./policies.ts";

/** The health check after the `--health-…` flags. Errors: UsageError for `--no-healthcheck` with any of them. */
export function changedHealth(current: HealthConfig | undefined, flags: OptionValues): HealthConfig | undefined {
  const command = flags.text("healthCmd");
  const change = defined({
    test: command === undefined ? undefined : command === "" ? [] : ["CMD-SHELL", command],
    interval: flags.parsed("healthInterval", readDuration),
    timeout: flags.parsed("healthTimeout", readDuration),
    retries: flags.parsed("healthRetries", (text) => Number(parseUnsigned(text))),
    startPeriod: flags.parsed("healthStartPeriod", readDuration),
    startInterval: flags.parsed("healthStartInterval", readDuration),
  });
  const isChanged = Object.keys(change).length > 0;
  if (flags.flag("healthcheck") === false) {
    if (isChanged) throw new UsageError("--no-healthcheck conflicts with --health-* options");
    return { test: ["NONE"] };
  }
  if (!isChanged) return current;
  // A check that was switched off before is switched on again by any other setting.
  const { test, ...rest } = current ?? {};
  return { ...rest, ...(test === undefined || test[0] === "NONE" ? {} : { test }), ...change };
}
