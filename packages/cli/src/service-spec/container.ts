import { invalidArgument } from "@mswarm/runtime";
import type { ContainerSpec, ContainerSpec_Isolation, FileTarget } from "@mswarm/wire";
import { normalizeCapability, parseHost, parseUlimit } from "../flags/container-lists.ts";
import type { FileReference } from "../flags/file-reference.ts";
import { pairsToMap, variableName } from "../flags/key-values.ts";
import { parseMount } from "../flags/mount.ts";
import type { OptionValues } from "../flags/option-values.ts";
import { parseUnsigned } from "../flags/quantities.ts";
import { splitWords } from "../flags/words.ts";
import { changedHealth } from "./health.ts";
import { changedList, changedMap, defined, withField } from "./merging.ts";
import { choice, readDuration } from "./policies.ts";

/** What had to be looked up or read before a spec can be built. */
export interface ContainerInputs {
  /** The variables of `--env`, `--env-add` and the files of `--env-file`, with their values. */
  readonly environment: readonly string[];
  readonly secrets: readonly ResolvedReference[];
  readonly configs: readonly ResolvedReference[];
}

export interface ResolvedReference {
  readonly id: string;
  readonly name: string;
  readonly file: FileReference["file"];
}

const isolations = choice<ContainerSpec_Isolation>({
  default: "ISOLATION_DEFAULT",
  process: "ISOLATION_PROCESS",
  hyperv: "ISOLATION_HYPERV",
});

const same = (text: string): string => text;

/** The container after all flags of create or update; the image and the command of create come from the arguments. */
export function changedContainer(spec: ContainerSpec, flags: OptionValues, inputs: ContainerInputs): ContainerSpec {
  return withLists(withScalars(spec, flags), flags, inputs);
}

function withScalars(spec: ContainerSpec, flags: OptionValues): ContainerSpec {
  const init = flags.flag("init");
  return {
    ...spec,
    ...defined({
      image: flags.text("image"),
      args: flags.parsed("args", splitWords),
      command: flags.parsed("entrypoint", splitWords),
      hostname: flags.text("hostname"),
      user: flags.text("user"),
      dir: flags.text("workdir"),
      tty: flags.flag("tty"),
      readOnly: flags.flag("readOnly"),
      init: init === undefined ? undefined : { value: init },
      stopSignal: flags.text("stopSignal"),
      stopGracePeriod: flags.parsed("stopGracePeriod", readDuration),
      pidsLimit: flags.parsed("limitPids", parseUnsigned),
      isolation: flags.parsed("isolation", isolations),
      oomScoreAdj: flags.parsed("oomScoreAdj", parseAdjustment),
      healthcheck: changedHealth(spec.healthcheck, flags),
    }),
  };
}

function parseAdjustment(text: string): string {
  if (!/^-?\d+$/.test(text) || Math.abs(Number(text)) > 1_000) throw invalidArgument("must be between -1000 and 1000");
  return text;
}

function withLists(spec: ContainerSpec, flags: OptionValues, inputs: ContainerInputs): ContainerSpec {
  const texts = (name: string, current: readonly string[] | undefined): string[] | undefined =>
    changedList(current, { add: flags.added(name), remove: flags.removed(name) }, same);
  const map = (
    name: string,
    current: Readonly<Record<string, string>> | undefined,
  ): Record<string, string> | undefined =>
    changedMap(current, { add: pairsToMap(flags.added(name), name), remove: flags.removed(name) });
  const dns = defined({
    nameservers: texts("dns", spec.dnsConfig?.nameservers),
    search: texts("dnsSearch", spec.dnsConfig?.search),
    options: texts("dnsOption", spec.dnsConfig?.options),
  });
  const capabilities = changedCapabilities(spec, flags);
  const lists: ContainerSpec = defined({
    labels: map("containerLabel", spec.labels),
    env: changedList(spec.env, { add: inputs.environment, remove: flags.removed("env") }, variableName),
    mounts: changedList(
      spec.mounts,
      { add: flags.parsedAdded("mount", parseMount), remove: flags.removed("mount") },
      (mount) => mount.target ?? "",
    ),
    groups: texts("group", spec.groups),
    hosts: changedHosts(spec.hosts, flags),
    sysctls: map("sysctl", spec.sysctls),
    ulimits: changedList(
      spec.ulimits,
      { add: flags.parsedAdded("ulimit", parseUlimit), remove: flags.removed("ulimit") },
      (ulimit) => ulimit.name ?? "",
    ),
    dnsConfig: Object.keys(dns).length === 0 ? undefined : dns,
    capabilityAdd: capabilities.add,
    capabilityDrop: capabilities.drop,
    secrets: changedSecrets(spec, flags, inputs),
    configs: changedConfigs(spec, flags, inputs),
  });
  const names = ["labels", "env", "mounts", "groups", "hosts", "sysctls", "ulimits", "dnsConfig"] as const;
  const references = ["capabilityAdd", "capabilityDrop", "secrets", "configs"] as const;
  return [...names, ...references].reduce((changed, name) => withField(changed, name, lists[name]), spec);
}

/** `--host-rm name` takes out every address of the name, `--host-rm name:ip` that one. */
function changedHosts(current: readonly string[] | undefined, flags: OptionValues): string[] | undefined {
  const removed = flags.removed("host");
  const isRemoved = (entry: string): boolean => {
    const [address = "", name = ""] = entry.split(" ");
    return removed.some((text) => text === name || text === `${name}:${address}`);
  };
  const kept = (current ?? []).filter((entry) => !isRemoved(entry));
  return changedList(kept, { add: flags.parsedAdded("host", parseHost), remove: [] }, same);
}

/** A capability that is added and was dropped before (or the reverse) goes back to what the engine gives by itself. */
function changedCapabilities(
  spec: ContainerSpec,
  flags: OptionValues,
): { add: string[] | undefined; drop: string[] | undefined } {
  const toAdd = flags.list("capAdd").map(normalizeCapability);
  const toDrop = flags.list("capDrop").map(normalizeCapability);
  const [added, dropped] = [spec.capabilityAdd ?? [], spec.capabilityDrop ?? []];
  const start = (list: readonly string[], reset: readonly string[]): readonly string[] =>
    reset.includes("RESET") ? [] : list;
  const isPlain = (name: string): boolean => name !== "RESET";
  return {
    add: changedList(
      start(added, toAdd),
      { add: toAdd.filter((name) => isPlain(name) && !dropped.includes(name)), remove: toDrop },
      same,
    ),
    drop: changedList(
      start(dropped, toDrop),
      { add: toDrop.filter((name) => isPlain(name) && !added.includes(name)), remove: toAdd },
      same,
    ),
  };
}

const targetOf = (reference: { readonly file?: FileTarget }): string => reference.file?.name ?? "";

function changedSecrets(spec: ContainerSpec, flags: OptionValues, inputs: ContainerInputs): ContainerSpec["secrets"] {
  const removed = flags.removed("secret");
  const kept = (spec.secrets ?? []).filter(
    ({ secretName, secretId }) => !removed.includes(secretName ?? "") && !removed.includes(secretId ?? ""),
  );
  const add = inputs.secrets.map(({ id, name, file }) => ({ secretId: id, secretName: name, file }));
  return changedList(kept, { add, remove: [] }, targetOf);
}

function changedConfigs(spec: ContainerSpec, flags: OptionValues, inputs: ContainerInputs): ContainerSpec["configs"] {
  const removed = flags.removed("config");
  const kept = (spec.configs ?? []).filter(
    ({ configName, configId }) => !removed.includes(configName ?? "") && !removed.includes(configId ?? ""),
  );
  const add = inputs.configs.map(({ id, name, file }) => ({ configId: id, configName: name, file }));
  return changedList(kept, { add, remove: [] }, targetOf);
}
