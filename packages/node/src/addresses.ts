// Which address this node listens on and which it tells the others. Texts and rules: engine-api reference 2, Docker's
// daemon/cluster/listen_addr.go.
import { isIP } from "node:net";
import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import { invalidArgument } from "@mswarm/runtime";

export const defaultPort = 2377;

export interface HostPort {
  /** An IP address (or, in addresses that others gave, a host name), without brackets. */
  readonly host: string;
  readonly port: number;
}

/** The interfaces of the machine, by name; a parameter so that tests can make up machines. */
export type Interfaces = Readonly<
  Record<string, readonly Pick<NetworkInterfaceInfo, "address" | "family" | "internal">[]>
>;

export function machineInterfaces(): Interfaces {
  return networkInterfaces() as Interfaces;
}

/** `host:port` with brackets around an IPv6 host. */
export function formatHostPort({ host, port }: HostPort): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Splits `host`, `host:port`, `[v6]:port` or a bare IPv6 address.
 * @param fallbackPort  for a text without port
 * Errors: INVALID_ARGUMENT for an empty host or a port outside 1…65535.
 */
export function parseHostPort(text: string, fallbackPort: number = defaultPort): HostPort {
  const bracketed = /^\[(?<host>[^\]]+)\](?::(?<port>\d+))?$/.exec(text);
  const plain = isIP(text) === 6 ? undefined : /^(?<host>[^:]*)(?::(?<port>\d+))?$/.exec(text);
  const groups = bracketed?.groups ?? plain?.groups ?? (isIP(text) === 6 ? { host: text } : undefined);
  const host = groups?.["host"];
  const port = groups?.["port"] === undefined ? fallbackPort : Number(groups["port"]);
  if (host === undefined || host === "" || port < 1 || port > 65_535) {
    throw invalidArgument(`invalid address ${JSON.stringify(text)}: expected HOST or HOST:PORT`);
  }
  return { host, port };
}

/** The IP address of an interface: its IPv4 address, else its IPv6 address. */
function addressOfInterface(name: string, interfaces: Interfaces): string | undefined {
  const addresses = interfaces[name] ?? [];
  const usable = addresses.filter((entry) => !entry.address.startsWith("fe80:"));
  return (usable.find((entry) => entry.family === "IPv4") ?? usable[0])?.address;
}

function ipOrInterface(host: string, interfaces: Interfaces, complaint: string): string {
  const address = isIP(host) === 0 ? addressOfInterface(host, interfaces) : host;
  if (address === undefined) throw invalidArgument(complaint);
  return address;
}

const badListenAddress = "listen address must be an IP address or network interface (with optional port number)";
const badAdvertiseAddress =
  "advertise address must be a non-zero IP address or network interface (with optional port number)";

/** The address to listen on; empty means all addresses, port 2377. */
export function resolveListenAddress(text: string, interfaces: Interfaces): HostPort {
  const { host, port } = parseHostPort(text === "" ? "0.0.0.0" : text);
  return { host: ipOrInterface(host, interfaces, badListenAddress), port };
}

/**
 * The address that the other nodes dial: what was asked for, else the listen address when it is a specific one, else the
 * daemon's default, else the machine's only address.
 * Errors: INVALID_ARGUMENT with Docker's texts.
 */
export function resolveAdvertiseAddress(
  options: { readonly advertise: string; readonly fallback: string; readonly listen: HostPort },
  interfaces: Interfaces,
): HostPort {
  const { advertise, fallback, listen } = options;
  const asked = advertise !== "" ? advertise : isUnspecified(listen.host) ? fallback : "";
  if (asked !== "") {
    const { host, port } = parseHostPort(asked, listen.port);
    const address = ipOrInterface(host, interfaces, badAdvertiseAddress);
    if (isUnspecified(address)) throw invalidArgument(badAdvertiseAddress);
    return { host: address, port };
  }
  return { host: isUnspecified(listen.host) ? onlyAddress(interfaces) : listen.host, port: listen.port };
}

/**
 * The address that others dial, when this node starts again: what was asked for then, on the machine as it is now. What
 * cannot be found any more stays as it was: somebody may know better, and a wrong guess would cut the node off.
 *
 * @param fallback  the daemon's default advertise address; "" for none
 */
export function advertiseAddressNow(
  was: { readonly listenAddress: string; readonly advertiseAddress: string; readonly advertise: string },
  fallback: string,
  interfaces: Interfaces,
): string {
  const { advertise, advertiseAddress } = was;
  const isStillHere = Object.values(interfaces).some((entries) =>
    entries.some(({ address }) => address === parseHostPort(advertiseAddress).host),
  );
  // Nothing says otherwise: several addresses may be as good as this one.
  if (advertise === "" && fallback === "" && isStillHere) return advertiseAddress;
  try {
    const listen = parseHostPort(was.listenAddress);
    return formatHostPort(resolveAdvertiseAddress({ advertise, fallback, listen }, interfaces));
  } catch {
    return advertiseAddress;
  }
}

export function isUnspecified(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

// Bridges that container engines make hold addresses that no other machine can reach.
const engineInterface = /^(docker|br-|veth|cni|flannel|virbr|podman)/;

function onlyAddress(interfaces: Interfaces): string {
  const candidates = Object.keys(interfaces)
    .filter((name) => !engineInterface.test(name) && interfaces[name]?.some((entry) => !entry.internal))
    .flatMap((name) => {
      const address = addressOfInterface(name, interfaces);
      return address === undefined ? [] : [{ name, address }];
    });
  const [first, second] = candidates;
  if (first === undefined)
    throw invalidArgument("could not find the system's IP address - specify one with --advertise-addr");
  if (second !== undefined) {
    throw invalidArgument(
      `could not choose an IP address to advertise since this system has multiple addresses on different interfaces (${first.address} on ${first.name} and ${second.address} on ${second.name}) - specify one with --advertise-addr`,
    );
  }
  return first.address;
}
