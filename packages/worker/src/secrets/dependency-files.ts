// Which files a task's secrets and configs become. Pure.
import { posix } from "node:path";
import { invalidArgument, unimplemented } from "@mswarm/runtime";
import type { Config, ConfigReference, Driver, FileTarget, Secret, SecretReference, Task } from "@mswarm/wire";
import { expandPlaceholders, type PlaceholderValues } from "../container/placeholders.ts";
import type { SecretFile } from "./secret-mount.ts";

/** What this node has been given, by id. */
export interface Dependencies {
  readonly secrets: ReadonlyMap<string, Secret>;
  readonly configs: ReadonlyMap<string, Config>;
}

/** True when the task has any file at all. */
export function hasDependencyFiles(task: Task): boolean {
  const { secrets = [], configs = [] } = task.spec?.container ?? {};
  return [...secrets, ...configs].some(({ file }) => file !== undefined);
}

/**
 * The files of a task, secrets first. References without a file are passed over.
 * INVALID_ARGUMENT: one that this node was not given, or an owner that is no number.
 */
export function dependencyFiles(
  task: Task,
  dependencies: Dependencies,
  values: PlaceholderValues,
): readonly SecretFile[] {
  const { secrets = [], configs = [] } = task.spec?.container ?? {};
  return [
    ...secrets.flatMap((reference) => secretFile(reference, task, dependencies, values)),
    ...configs.flatMap((reference) => configFile(reference, dependencies, values)),
  ];
}

function secretFile(
  reference: SecretReference,
  task: Task,
  { secrets }: Dependencies,
  values: PlaceholderValues,
): readonly SecretFile[] {
  const { file, secretId = "", secretName = "" } = reference;
  if (file === undefined) return [];
  // A secret driver that forbids reuse makes one secret for each task, under a combined id (wire reference 6.4).
  const secret = secrets.get(secretId) ?? secrets.get(`${secretId}.${task.id ?? ""}`);
  const what = `secret "${secretName}"`;
  if (secret === undefined) throw invalidArgument(`${what}: secret ${secretId} not found on this node`);
  const { data, templating } = secret.spec ?? {};
  return [fileOf(what, file, "/run/secrets", secretName, templated(what, data, templating, values))];
}

function configFile(
  reference: ConfigReference,
  { configs }: Dependencies,
  values: PlaceholderValues,
): readonly SecretFile[] {
  const { file, configId = "", configName = "" } = reference;
  if (file === undefined) return [];
  const config = configs.get(configId);
  const what = `config "${configName}"`;
  if (config === undefined) throw invalidArgument(`${what}: config ${configId} not found on this node`);
  const { data, templating } = config.spec ?? {};
  return [fileOf(what, file, "/", configName, templated(what, data, templating, values))];
}

function fileOf(what: string, file: FileTarget, folder: string, fallbackName: string, data: Buffer): SecretFile {
  const name = file.name === undefined || file.name === "" ? fallbackName : file.name;
  return {
    target: posix.resolve(folder, name),
    data,
    uid: ownerOf(what, "uid", file.uid),
    gid: ownerOf(what, "gid", file.gid),
    mode: (file.mode ?? 0) & 0o777,
  };
}

function ownerOf(what: string, kind: "uid" | "gid", text: string | undefined): number {
  if (text === undefined || text === "") return 0;
  const number = Number(text);
  if (!/^\d{1,10}$/.test(text) || number > 0xffff_fffe)
    throw invalidArgument(`${what}: ${kind} "${text}" is not a number`);
  return number;
}

function templated(
  what: string,
  data: Buffer | undefined,
  templating: Driver | undefined,
  values: PlaceholderValues,
): Buffer {
  const bytes = data ?? Buffer.alloc(0);
  const driver = templating?.name ?? "";
  if (driver === "") return bytes;
  if (driver !== "golang") throw unimplemented(`${what}: unrecognized template type "${driver}"`);
  return Buffer.from(expandTemplate(what, bytes.toString("utf8"), values));
}

function expandTemplate(what: string, text: string, values: PlaceholderValues): string {
  try {
    return expandPlaceholders(text, values, what);
  } catch {
    // The refusal of the general case quotes the expression, and here that would be a piece of the secret.
    throw unimplemented(`${what}: its template uses more than the plain placeholders that this worker supports`);
  }
}
