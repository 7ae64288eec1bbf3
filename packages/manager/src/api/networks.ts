// Networks. This version keeps the predefined ones and makes no others. Source: swarmkit manager/controlapi/network.go.
import { alreadyExists, failedPrecondition, unimplemented } from "@mswarm/runtime";
import { networks, services, tasks, type WriteTransaction } from "@mswarm/store";
import type {
  CreateNetworkRequest,
  CreateNetworkResponse,
  GetNetworkRequest,
  GetNetworkResponse,
  ListNetworksRequest,
  ListNetworksResponse,
  RemoveNetworkRequest,
  RemoveNetworkResponse,
  Service,
} from "@mswarm/wire";
import { isIngress, isPredefined, needsIngress, validateNetworkSpec } from "../objects/network-spec.ts";
import { compareTaskStates } from "../objects/task-state.ts";
import type { ControlOperation } from "./control-parts.ts";
import { described, meetsAll } from "./filters.ts";
import { byId, existing, incomplete, listed } from "./stored.ts";

/** Errors: INVALID_ARGUMENT, NOT_FOUND. */
export const getNetwork: ControlOperation<GetNetworkRequest, GetNetworkResponse> = async (
  { store },
  { networkId = "" },
) => {
  if (networkId === "") throw incomplete();
  return { network: store.view((tx) => existing(tx, networks, networkId)) };
};

export const listNetworks: ControlOperation<ListNetworksRequest, ListNetworksResponse> = async (
  { store },
  { filters },
) => ({
  networks: listed(store, networks, (object) => meetsAll(described(object), filters), filters),
});

/** Errors: INVALID_ARGUMENT, PERMISSION_DENIED, ALREADY_EXISTS, and otherwise UNIMPLEMENTED. */
export const createNetwork: ControlOperation<CreateNetworkRequest, CreateNetworkResponse> = async (
  { store },
  { spec },
) => {
  validateNetworkSpec(spec);
  const name = spec.annotations?.name ?? "";
  const [ingress] = spec.ingress ? listed(store, networks, isIngress) : [];
  if (ingress !== undefined) throw alreadyExists(`ingress network (${ingress.id ?? ""}) is already present`);
  throw unimplemented(
    `this version of mswarm makes no swarm networks: ${name} cannot be created, services can use bridge and host`,
  );
};

/** Errors: INVALID_ARGUMENT, NOT_FOUND, FAILED_PRECONDITION while it is in use or when it is predefined. */
export const removeNetwork: ControlOperation<RemoveNetworkRequest, RemoveNetworkResponse> = async (
  { store },
  { networkId = "" },
) => {
  if (networkId === "") throw incomplete();
  await store.update((tx) => {
    const network = existing(tx, networks, networkId);
    if (isPredefined(network)) {
      const name = network.spec?.annotations?.name ?? "";
      throw failedPrecondition(`network ${networkId} (${name}) is a swarm predefined network and cannot be removed`);
    }
    if (isIngress(network)) requireNoPublishers(tx);
    else requireNoUsers(tx, networkId);
    tx.remove(networks, networkId);
  });
  return {};
};

const firstOf = (users: readonly Service[]): string | undefined => [...users].sort(byId)[0]?.id;

function requireNoPublishers(tx: WriteTransaction): void {
  const user = firstOf([...tx.all(services)].filter(needsIngress));
  if (user !== undefined) {
    throw failedPrecondition(`ingress network cannot be removed because service ${user} depends on it`);
  }
}

function requireNoUsers(tx: WriteTransaction, networkId: string): void {
  const user = firstOf(tx.by(services, "network", networkId));
  if (user !== undefined) throw failedPrecondition(`network ${networkId} is in use by service ${user}`);
  for (const task of [...tx.by(tasks, "network", networkId)].sort(byId)) {
    const isLive = [task.desiredState, task.status?.state].every((state) => compareTaskStates(state, "RUNNING") <= 0);
    if (isLive) throw failedPrecondition(`network ${networkId} is in use by task ${task.id ?? ""}`);
  }
}
