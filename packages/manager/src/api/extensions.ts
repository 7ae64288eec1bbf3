// Kinds of objects that others define. Source: swarmkit manager/controlapi/extension.go.
import { invalidArgument, newId, notFound } from "@mswarm/runtime";
import { extensions, resources } from "@mswarm/store";
import type {
  CreateExtensionRequest,
  CreateExtensionResponse,
  GetExtensionRequest,
  GetExtensionResponse,
  RemoveExtensionRequest,
  RemoveExtensionResponse,
} from "@mswarm/wire";
import { plural } from "../objects/go-format.ts";
import type { ControlOperation } from "./control-parts.ts";
import { requireForeignKind } from "./own-kinds.ts";
import { byId, existing, withNameText } from "./stored.ts";

// As many as SwarmKit names.
const namedUsersMax = 10;

/** Errors: INVALID_ARGUMENT, NOT_FOUND. */
export const getExtension: ControlOperation<GetExtensionRequest, GetExtensionResponse> = async (
  { store },
  { extensionId = "" },
) => {
  if (extensionId === "") throw invalidArgument("extension ID must be provided");
  return { extension: store.view((tx) => existing(tx, extensions, extensionId)) };
};

/** Errors: INVALID_ARGUMENT, ALREADY_EXISTS, PERMISSION_DENIED. */
export const createExtension: ControlOperation<CreateExtensionRequest, CreateExtensionResponse> = async (
  { store, random },
  { annotations, description },
) => {
  const name = annotations?.name ?? "";
  if (annotations === undefined || name === "") throw invalidArgument("extension name must be provided");
  requireForeignKind(name);
  const id = newId(random);
  const extension = { id, annotations, ...(description === undefined ? {} : { description }) };
  const creation = store.update((tx) => tx.create(extensions, extension));
  return { extension: await withNameText(creation, () => `extension ${name} already exists`) };
};

/** Errors: INVALID_ARGUMENT (also while it has resources), NOT_FOUND, PERMISSION_DENIED. */
export const removeExtension: ControlOperation<RemoveExtensionRequest, RemoveExtensionResponse> = async (
  { store },
  { extensionId = "" },
) => {
  if (extensionId === "") throw invalidArgument("extension ID must be provided");
  await store.update((tx) => {
    const extension = tx.get(extensions, extensionId);
    if (extension === undefined) throw notFound(`could not find extension ${extensionId}`);
    const name = extension.annotations?.name ?? "";
    requireForeignKind(name);
    const users = [...tx.by(resources, "kind", name)].sort(byId).map((resource) => resource.annotations?.name ?? "");
    if (users.length > 0) {
      throw invalidArgument(
        `extension '${name}' is in use by the following ${plural("resource", users.length)}: ${users.slice(0, namedUsersMax).join(", ")}`,
      );
    }
    tx.remove(extensions, extensionId);
  });
  return {};
};
