// Objects of the kinds that extensions define. Source: swarmkit manager/controlapi/resource.go.
import { invalidArgument, isSwarmError, newId, notFound } from "@mswarm/runtime";
import { resources } from "@mswarm/store";
import type {
  CreateResourceRequest,
  CreateResourceResponse,
  GetResourceRequest,
  GetResourceResponse,
  ListResourcesRequest,
  ListResourcesResponse,
  RemoveResourceRequest,
  RemoveResourceResponse,
  Resource,
  UpdateResourceRequest,
  UpdateResourceResponse,
} from "@mswarm/wire";
import type { ControlOperation } from "./control-parts.ts";
import { meetsAny } from "./filters.ts";
import { requireForeignKind } from "./own-kinds.ts";
import { asRead, existing, listed, withNameText } from "./stored.ts";

/** Errors: INVALID_ARGUMENT, NOT_FOUND. */
export const getResource: ControlOperation<GetResourceRequest, GetResourceResponse> = async (
  { store },
  { resourceId = "" },
) => {
  if (resourceId === "") throw invalidArgument("resource ID must be present");
  return { resource: store.view((tx) => existing(tx, resources, resourceId)) };
};

export const listResources: ControlOperation<ListResourcesRequest, ListResourcesResponse> = async (
  { store },
  { filters },
) => {
  const kind = filters?.kind ?? "";
  return {
    resources: listed(store, resources, ({ id, annotations, kind: own }) => {
      const { name, labels } = annotations ?? {};
      return (kind === "" || own === kind) && meetsAny({ id, name, labels }, filters);
    }),
  };
};

/** Errors: INVALID_ARGUMENT (also for an unknown kind), ALREADY_EXISTS, PERMISSION_DENIED. */
export const createResource: ControlOperation<CreateResourceRequest, CreateResourceResponse> = async (
  { store, random },
  { annotations, kind = "", payload },
) => {
  const name = annotations?.name ?? "";
  if (annotations === undefined || name === "") throw invalidArgument("Resource must have a name");
  if (kind === "") throw invalidArgument("Resource must belong to an Extension");
  requireForeignKind(kind);
  const resource: Resource = { id: newId(random), annotations, kind, ...(payload === undefined ? {} : { payload }) };
  const creation = store
    .update((tx) => tx.create(resources, resource))
    .catch((error: unknown) => {
      throw isSwarmError(error, "UNKNOWN")
        ? invalidArgument(`Kind ${kind} is not registered`, { cause: error })
        : error;
    });
  return { resource: await withNameText(creation, () => `A resource with name ${name} already exists`) };
};

/** Changes annotations and payload where given. Errors: INVALID_ARGUMENT (also for a stale version), NOT_FOUND. */
export const updateResource: ControlOperation<UpdateResourceRequest, UpdateResourceResponse> = async (
  { store },
  { resourceId = "", resourceVersion, annotations, payload },
) => {
  if (resourceId === "" || resourceVersion === undefined) throw invalidArgument("must include ID and version");
  const update = store.update((tx) => {
    const stored = existing(tx, resources, resourceId);
    requireForeignKind(stored.kind ?? "");
    if (annotations !== undefined && annotations.name !== stored.annotations?.name) {
      throw invalidArgument("cannot change resource name");
    }
    const next: Resource = {
      ...stored,
      ...(annotations === undefined ? {} : { annotations }),
      ...(payload === undefined ? {} : { payload }),
    };
    return tx.update(resources, asRead(next, resourceVersion));
  });
  const resource = await update.catch((error: unknown) => {
    const isStale = isSwarmError(error, "UNKNOWN") && error.message === "update out of sequence";
    throw isStale ? invalidArgument(error.message, { cause: error }) : error;
  });
  return { resource };
};

/** Errors: INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED. */
export const removeResource: ControlOperation<RemoveResourceRequest, RemoveResourceResponse> = async (
  { store },
  { resourceId = "" },
) => {
  if (resourceId === "") throw invalidArgument("resource ID must be present");
  await store.update((tx) => {
    const resource = tx.get(resources, resourceId);
    if (resource === undefined) throw notFound(`resource ${resourceId} not found`);
    requireForeignKind(resource.kind ?? "");
    tx.remove(resources, resourceId);
  });
  return {};
};
