// Which files a task's secrets and configs become. Pure.
import { posix } from "node:path";
import { invalidArgument, unimplemented } from "@mswarm/runtime";
import { expandPayload, type PayloadSource, payloadContext, TemplateError, type TemplateNode } from "@mswarm/template";
import type { Config, ConfigReference, Driver, FileTarget, Secret, SecretReference, Task } from "@mswarm/wire";
import { taskName } from "../container/task-names.ts";
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
export function dependencyFiles(task: Task, dependencies: Dependencies, node: TemplateNode): readonly SecretFile[] {
  const { secrets = [], configs = [] } = task.spec?.container ?? {};
  const files = new DependencyFiles(task, dependencies, node);
  return [
    ...secrets.flatMap((reference) => files.ofSecret(reference)),
    ...configs.flatMap((reference) => files.ofConfig(reference)),
  ];
}

class DependencyFiles {
  readonly #task: Task;
  readonly #dependencies: Dependencies;
  readonly #node: TemplateNode;

  constructor(task: Task, dependencies: Dependencies, node: TemplateNode) {
    this.#task = task;
    this.#dependencies = dependencies;
    this.#node = node;
  }

  ofSecret({ file, secretId = "", secretName = "" }: SecretReference): readonly SecretFile[] {
    if (file === undefined) return [];
    const secret = this.#secret(secretId);
    const what = `secret "${secretName}"`;
    if (secret === undefined) throw invalidArgument(`${what}: secret ${secretId} not found on this node`);
    const { data, templating } = secret.spec ?? {};
    return [fileOf(what, file, "/run/secrets", secretName, this.#filledIn(what, data, templating))];
  }

  ofConfig({ file, configId = "", configName = "" }: ConfigReference): readonly SecretFile[] {
    if (file === undefined) return [];
    const config = this.#dependencies.configs.get(configId);
    const what = `config "${configName}"`;
    if (config === undefined) throw invalidArgument(`${what}: config ${configId} not found on this node`);
    const { data, templating } = config.spec ?? {};
    return [fileOf(what, file, "/", configName, this.#filledIn(what, data, templating))];
  }

  /** A secret driver that forbids reuse makes one secret for each task, under a combined id (wire reference 6.4). */
  #secret(id: string): Secret | undefined {
    const { secrets } = this.#dependencies;
    return secrets.get(id) ?? secrets.get(`${id}.${this.#task.id ?? ""}`);
  }

  #filledIn(what: string, data: Buffer = Buffer.alloc(0), templating: Driver | undefined): Buffer {
    const driver = templating?.name ?? "";
    if (driver === "") return data;
    if (driver !== "golang") throw unimplemented(`${what}: unrecognized template type "${driver}"`);
    const source: PayloadSource = {
      secret: (id) => this.#secret(id)?.spec?.data,
      config: (id) => this.#dependencies.configs.get(id)?.spec?.data,
    };
    const context = payloadContext(this.#task, taskName(this.#task), this.#node);
    try {
      return expandPayload(data, this.#task, context, source).data;
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      throw invalidArgument(`${what}: its template cannot be filled in${placeOf(error)}`);
    }
  }
}

/** Where it fails, without a word of what is there: that may be a piece of a secret. */
function placeOf({ message }: TemplateError): string {
  const [, line, column] = /^template: expansion:(\d+):(?:(\d+):)?/.exec(message) ?? [];
  if (line === undefined) return "";
  return column === undefined
    ? `: it cannot be read, see line ${line}`
    : `: see line ${line}, byte ${Number(column) + 1}`;
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
