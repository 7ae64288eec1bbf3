import { UsageError } from "../flags/option-values.ts";

export const defaultSocketPath = "/var/run/mswarm/control.sock";

/** The path of `unix:///path`, or of a bare path; the default where nothing is said. Errors: UsageError. */
export function unixSocketPath(address: string | undefined): string {
  if (address === undefined) return defaultSocketPath;
  const path = address.startsWith("unix://") ? address.slice("unix://".length) : address;
  if (!path.startsWith("/"))
    throw new UsageError(`the control socket must be unix:///path, not ${JSON.stringify(address)}`);
  return path;
}
