// What init and join ask for: checked, and with addresses resolved. Nothing here changes anything.
import { invalidArgument, unimplemented } from "@mswarm/runtime";
import type { mswarm } from "@mswarm/wire";
import {
  formatHostPort,
  type Interfaces,
  parseHostPort,
  resolveAdvertiseAddress,
  resolveListenAddress,
} from "./addresses.ts";
import { availabilityOf } from "./cluster-birth.ts";
import type { NodeSettings } from "./settings.ts";

type AddressRequest = Pick<mswarm.InitRequest, "listenAddr" | "advertiseAddr" | "dataPathAddr">;

/** Errors: INVALID_ARGUMENT with Docker's texts; UNIMPLEMENTED for what a later version will do. */
export function checkInit(request: mswarm.InitRequest): void {
  checkAvailability(request.availability ?? "");
  if (request.autolock === true) {
    throw unimplemented("locked managers (--autolock) are not in this version yet: start the cluster without it");
  }
  if (request.forceNewCluster === true) throw unimplemented("--force-new-cluster is not in this version yet");
  if ((request.defaultAddrPool ?? []).length > 0 || (request.dataPathPort ?? 0) !== 0) {
    throw unimplemented(
      "address pools and data path ports need overlay networks, which this version does not have yet",
    );
  }
}

/** The managers to ask, `host:port`. Errors: as `checkInit`. */
export function checkJoin(request: mswarm.JoinRequest): readonly string[] {
  const addresses = (request.remoteAddrs ?? []).map((address) => formatHostPort(parseHostPort(address)));
  if (addresses.length === 0) throw invalidArgument("at least 1 RemoteAddr is required to join");
  checkAvailability(request.availability ?? "");
  return addresses;
}

function checkAvailability(word: string): void {
  if (availabilityOf(word) === undefined) throw invalidArgument(`invalid Availability: ${JSON.stringify(word)}`);
}

/**
 * The addresses of this node.
 *
 * @param fallback  the daemon's default advertise address; "" for none
 */
export function resolveAddresses(
  request: AddressRequest,
  fallback: string,
  interfaces: Interfaces,
): Omit<NodeSettings, "phase"> {
  if ((request.dataPathAddr ?? "") !== "") {
    throw unimplemented("a data path address needs overlay networks, which this version does not have yet");
  }
  const listen = resolveListenAddress(request.listenAddr ?? "", interfaces);
  const advertise = resolveAdvertiseAddress({ advertise: request.advertiseAddr ?? "", fallback, listen }, interfaces);
  return {
    listenAddress: formatHostPort(listen),
    advertiseAddress: formatHostPort(advertise),
    advertise: request.advertiseAddr ?? "",
  };
}
