import { unimplemented } from "@mswarm/runtime";
import type { Driver } from "@mswarm/wire";
import { goQuoted } from "./go-format.ts";

/** Templates of secrets and configs are expanded on the worker. Errors: UNIMPLEMENTED for an unknown language. */
export function requireKnownTemplating(driver: Driver | undefined): void {
  const name = driver?.name ?? "";
  if (name !== "" && name !== "golang") {
    throw unimplemented(`the templating driver ${goQuoted(name)} is not known: use golang, or none`);
  }
}
