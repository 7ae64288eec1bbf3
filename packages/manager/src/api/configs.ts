// Configs: like secrets, but what is in them may be seen. Source: swarmkit manager/controlapi/config.go.
import { invalidArgument, newId, notFound } from "@mswarm/runtime";
import { configs } from "@mswarm/store";
import type {
  CreateConfigRequest,
  CreateConfigResponse,
  GetConfigRequest,
  GetConfigResponse,
  ListConfigsRequest,
  ListConfigsResponse,
  RemoveConfigRequest,
  RemoveConfigResponse,
  UpdateConfigRequest,
  UpdateConfigResponse,
} from "@mswarm/wire";
import { validateConfigSpec } from "../objects/config-spec.ts";
import type { ControlOperation } from "./control-parts.ts";
import { described, meetsAny } from "./filters.ts";
import { requireUnused } from "./payload-use.ts";
import { asRead, existing, incomplete, listed, withNameText } from "./stored.ts";

/** Errors: INVALID_ARGUMENT, NOT_FOUND. */
export const getConfig: ControlOperation<GetConfigRequest, GetConfigResponse> = async (
  { store },
  { configId = "" },
) => {
  if (configId === "") throw invalidArgument("config ID must be provided");
  return { config: store.view((tx) => existing(tx, configs, configId)) };
};

export const listConfigs: ControlOperation<ListConfigsRequest, ListConfigsResponse> = async (
  { store },
  { filters },
) => ({
  configs: listed(store, configs, (object) => meetsAny(described(object), filters), filters),
});

/** Errors: INVALID_ARGUMENT, UNIMPLEMENTED, ALREADY_EXISTS. */
export const createConfig: ControlOperation<CreateConfigRequest, CreateConfigResponse> = async (
  { store, random },
  { spec },
) => {
  validateConfigSpec(spec);
  const id = newId(random);
  const creation = store.update((tx) => tx.create(configs, { id, spec }));
  return { config: await withNameText(creation, () => `config ${spec.annotations?.name ?? ""} already exists`) };
};

/** Changes labels and nothing else. Errors: INVALID_ARGUMENT, NOT_FOUND, UNKNOWN for a stale version. */
export const updateConfig: ControlOperation<UpdateConfigRequest, UpdateConfigResponse> = async (
  { store },
  { configId = "", configVersion, spec },
) => {
  if (configId === "" || configVersion === undefined || spec === undefined) throw incomplete();
  const config = await store.update((tx) => {
    const stored = existing(tx, configs, configId);
    const annotations = stored.spec?.annotations;
    const isSame = spec.data === undefined || spec.data.equals(stored.spec?.data ?? Buffer.alloc(0));
    if (annotations?.name !== spec.annotations?.name || !isSame) {
      throw invalidArgument("only updates to Labels are allowed");
    }
    const { labels: _labels, ...kept } = annotations ?? {};
    const labels = spec.annotations?.labels;
    const next = { ...stored.spec, annotations: { ...kept, ...(labels === undefined ? {} : { labels }) } };
    return tx.update(configs, asRead({ ...stored, spec: next }, configVersion));
  });
  return { config };
};

/** Errors: INVALID_ARGUMENT (also while services use it), NOT_FOUND. */
export const removeConfig: ControlOperation<RemoveConfigRequest, RemoveConfigResponse> = async (
  { store },
  { configId = "" },
) => {
  if (configId === "") throw invalidArgument("config ID must be provided");
  await store.update((tx) => {
    const config = tx.get(configs, configId);
    if (config === undefined) throw notFound(`could not find config ${configId}`);
    requireUnused(tx, "config", { id: configId, name: config.spec?.annotations?.name ?? "" });
    tx.remove(configs, configId);
  });
  return {};
};
