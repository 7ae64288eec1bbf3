// Secrets. No answer contains their data. Source: swarmkit manager/controlapi/secret.go.
import { timingSafeEqual } from "node:crypto";
import { invalidArgument, newId, notFound } from "@mswarm/runtime";
import { secrets } from "@mswarm/store";
import type {
  CreateSecretRequest,
  CreateSecretResponse,
  GetSecretRequest,
  GetSecretResponse,
  ListSecretsRequest,
  ListSecretsResponse,
  RemoveSecretRequest,
  RemoveSecretResponse,
  UpdateSecretRequest,
  UpdateSecretResponse,
} from "@mswarm/wire";
import { redactedSecret, rememberedSecret } from "../objects/redaction.ts";
import { validateSecretSpec } from "../objects/secret-spec.ts";
import type { ControlOperation } from "./control-parts.ts";
import { described, meetsAny } from "./filters.ts";
import { requireUnused } from "./payload-use.ts";
import { asRead, existing, incomplete, listed, withNameText } from "./stored.ts";

/** Errors: INVALID_ARGUMENT, NOT_FOUND. */
export const getSecret: ControlOperation<GetSecretRequest, GetSecretResponse> = async (
  { store },
  { secretId = "" },
) => {
  if (secretId === "") throw invalidArgument("secret ID must be provided");
  return { secret: rememberedSecret(store.view((tx) => existing(tx, secrets, secretId))) };
};

/** Without the internal ones. */
export const listSecrets: ControlOperation<ListSecretsRequest, ListSecretsResponse> = async (
  { store },
  { filters },
) => {
  const chosen = listed(
    store,
    secrets,
    (secret) => secret.internal !== true && meetsAny(described(secret), filters),
    filters,
  );
  return { secrets: chosen.map(rememberedSecret) };
};

/** Errors: INVALID_ARGUMENT, UNIMPLEMENTED, ALREADY_EXISTS. */
export const createSecret: ControlOperation<CreateSecretRequest, CreateSecretResponse> = async (
  { store, random },
  { spec },
) => {
  validateSecretSpec(spec);
  const id = newId(random);
  const creation = store.update((tx) => tx.create(secrets, { id, spec }));
  const secret = await withNameText(creation, () => `secret ${spec.annotations?.name ?? ""} already exists`);
  return { secret: redactedSecret(secret) };
};

/** Changes labels and nothing else. Errors: INVALID_ARGUMENT, NOT_FOUND, UNKNOWN for a stale version. */
export const updateSecret: ControlOperation<UpdateSecretRequest, UpdateSecretResponse> = async (
  { store },
  { secretId = "", secretVersion, spec },
) => {
  if (secretId === "" || secretVersion === undefined || spec === undefined) throw incomplete();
  const updated = await store.update((tx) => {
    const secret = existing(tx, secrets, secretId);
    const annotations = secret.spec?.annotations;
    if (annotations?.name !== spec.annotations?.name || !isSameOrAbsent(spec.data, secret.spec?.data)) {
      throw invalidArgument("only updates to Labels are allowed");
    }
    const { labels: _labels, ...kept } = annotations ?? {};
    const labels = spec.annotations?.labels;
    const next = { ...secret.spec, annotations: { ...kept, ...(labels === undefined ? {} : { labels }) } };
    return tx.update(secrets, asRead({ ...secret, spec: next }, secretVersion));
  });
  return { secret: redactedSecret(updated) };
};

function isSameOrAbsent(given: Buffer | undefined, stored: Buffer = Buffer.alloc(0)): boolean {
  return given === undefined || (given.length === stored.length && timingSafeEqual(given, stored));
}

/** Errors: INVALID_ARGUMENT (also while services use it), NOT_FOUND. */
export const removeSecret: ControlOperation<RemoveSecretRequest, RemoveSecretResponse> = async (
  { store },
  { secretId = "" },
) => {
  if (secretId === "") throw invalidArgument("secret ID must be provided");
  await store.update((tx) => {
    const secret = tx.get(secrets, secretId);
    if (secret === undefined) throw notFound(`could not find secret ${secretId}`);
    requireUnused(tx, "secret", { id: secretId, name: secret.spec?.annotations?.name ?? "" });
    tx.remove(secrets, secretId);
  });
  return {};
};
