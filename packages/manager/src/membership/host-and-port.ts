import { isIP } from "node:net";

/** Splits `host:port` or `[v6]:port`; undefined for anything else. The host may be empty, a port is 1 … 65535. */
export function hostAndPort(address: string): { readonly host: string; readonly port: number } | undefined {
  const match = /^(?:\[(?<v6>[0-9A-Fa-f:.]+)\]|(?<host>[^:[\]\s/]*)):(?<port>\d{1,5})$/.exec(address);
  const { v6, host = "", port: digits = "" } = match?.groups ?? {};
  const port = Number(digits);
  if (match === null || port < 1 || port > 65_535) return undefined;
  if (v6 !== undefined && isIP(v6) !== 6) return undefined;
  return { host: v6 ?? host, port };
}
