// Small values of containers: hosts, ulimits, capabilities.
import { isIP } from "node:net";
import { invalidArgument } from "@mswarm/runtime";
import type { ContainerSpec_Ulimit } from "@mswarm/wire";

/** `host:ip` as the wire has it, in the order of a hosts file: `ip host`. Errors: INVALID_ARGUMENT. */
export function parseHost(text: string): string {
  const at = text.search(/[:=]/);
  const [name, address] = [text.slice(0, at), text.slice(at + 1).replace(/^\[(.*)\]$/, "$1")];
  if (at <= 0 || isIP(address) === 0)
    throw invalidArgument(`invalid IP address in add-host: ${JSON.stringify(address)}`);
  return `${address} ${name}`;
}

/** `name=soft:hard` or `name=both`. Errors: INVALID_ARGUMENT. */
export function parseUlimit(text: string): ContainerSpec_Ulimit {
  const { name, soft, hard = soft } = /^(?<name>[a-z]+)=(?<soft>-?\d+)(?::(?<hard>-?\d+))?$/.exec(text)?.groups ?? {};
  if (name === undefined || soft === undefined || hard === undefined) {
    throw invalidArgument(`invalid ulimit argument: ${text}`);
  }
  if (hard !== "-1" && BigInt(soft) > BigInt(hard)) {
    throw invalidArgument(`ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`);
  }
  return { name, soft, hard };
}

/** `net_admin` as `CAP_NET_ADMIN`; `ALL` and `RESET` as they are. */
export function normalizeCapability(text: string): string {
  const upper = text.trim().toUpperCase();
  return upper === "ALL" || upper === "RESET" || upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
}
