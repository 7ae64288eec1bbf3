import { invalidArgument } from "@mswarm/runtime";
import type { OptionValues } from "../flags/option-values.ts";

/** `--availability`, as the daemon wants it. Errors: UsageError. */
export function parseAvailability(flags: OptionValues): "active" | "pause" | "drain" | undefined {
  return flags.parsed("availability", (text) => {
    const word = (["active", "pause", "drain"] as const).find((candidate) => candidate === text.toLowerCase());
    if (word === undefined) throw invalidArgument('only "active", "pause" and "drain" are supported');
    return word;
  });
}
