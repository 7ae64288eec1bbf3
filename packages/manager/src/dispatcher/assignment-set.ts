// What one node has been told to run, and what follows from a change. Reads a transaction, does nothing else.
import { isDeepStrictEqual } from "node:util";
import { configs, configsOf, type ReadTransaction, secrets, secretsOf, tasks } from "@mswarm/store";
import type { Assignment, AssignmentChange, Config, Secret, Task } from "@mswarm/wire";
import { compareTaskStates } from "../objects/task-state.ts";

type DependencyKind = "secret" | "config";

/** A secret or config that is named by a task but not in the store, or needs a driver that we do not have. */
export interface Undeliverable {
  readonly kind: DependencyKind;
  readonly id: string;
  readonly reason: "not found" | "secret drivers are not supported";
}

const update = (assignment: Assignment): AssignmentChange => ({ assignment, action: "UPDATE" });
const remove = (assignment: Assignment): AssignmentChange => ({ assignment, action: "REMOVE" });

/**
 * The assignments of one node as its stream has sent them.
 *
 * Least privilege: a secret or config is with the node exactly while a task that names it, is assigned to this node and
 * is not past RUNNING is in the set. Source: swarmkit manager/dispatcher/assignments.go.
 */
export class AssignmentSet {
  readonly #nodeId: string;
  readonly #onUndeliverable: (missing: Undeliverable) => void;
  readonly #tasks = new Map<string, Task>();
  readonly #secrets = new Dependencies();
  readonly #configs = new Dependencies();

  constructor(nodeId: string, onUndeliverable: (missing: Undeliverable) => void = () => undefined) {
    this.#nodeId = nodeId;
    this.#onUndeliverable = onUndeliverable;
  }

  /** Brings the set to what the store says about `taskIds`; returns what the node has to be told, possibly nothing. */
  sync(tx: ReadTransaction, taskIds: Iterable<string>): AssignmentChange[] {
    const taskChanges: AssignmentChange[] = [];
    for (const id of taskIds) {
      const task = tx.get(tasks, id);
      const change = task?.nodeId === this.#nodeId ? this.#keep(id, task) : this.#drop(id);
      if (change !== undefined) taskChanges.push(change);
    }
    const secretChanges = this.#secrets.settle((id) => this.#secret(tx, id));
    const configChanges = this.#configs.settle((id) => this.#config(tx, id));
    // Whoever applies the changes in order finds a task's dependencies before the task, and keeps them until it is gone.
    return [
      ...secretChanges.added.map((secret) => update({ secret })),
      ...configChanges.added.map((config) => update({ config })),
      ...taskChanges,
      ...secretChanges.removed.map((id) => remove({ secret: { id } })),
      ...configChanges.removed.map((id) => remove({ config: { id } })),
    ];
  }

  #keep(id: string, task: Task): AssignmentChange | undefined {
    const state = task.status?.state;
    // Not assigned yet, or not any more: a global task has its node from birth.
    if (compareTaskStates(state, "ASSIGNED") < 0) return this.#drop(id);
    const known = this.#tasks.get(id);
    this.#tasks.set(id, task);
    const isNeedy = compareTaskStates(state, "RUNNING") <= 0;
    this.#secrets.use(id, isNeedy ? secretsOf(task.spec) : []);
    this.#configs.use(id, isNeedy ? configsOf(task.spec) : []);
    const isNews = known === undefined || state === "ASSIGNED" || !isSameWork(known, task);
    return isNews ? update({ task }) : undefined;
  }

  #drop(id: string): AssignmentChange | undefined {
    if (!this.#tasks.delete(id)) return undefined;
    this.#secrets.use(id, []);
    this.#configs.use(id, []);
    return remove({ task: { id } });
  }

  #secret(tx: ReadTransaction, id: string): Secret | undefined {
    const secret = tx.get(secrets, id);
    if (secret === undefined) {
      this.#onUndeliverable({ kind: "secret", id, reason: "not found" });
      return undefined;
    }
    if (secret.spec?.driver === undefined) return secret;
    this.#onUndeliverable({ kind: "secret", id, reason: "secret drivers are not supported" });
    return undefined;
  }

  #config(tx: ReadTransaction, id: string): Config | undefined {
    const config = tx.get(configs, id);
    if (config === undefined) this.#onUndeliverable({ kind: "config", id, reason: "not found" });
    return config;
  }
}

/** Which tasks use which objects, and which of these the node has. */
class Dependencies {
  readonly #byTask = new Map<string, readonly string[]>();
  readonly #users = new Map<string, Set<string>>();
  readonly #delivered = new Set<string>();
  readonly #touched = new Set<string>();

  /** `taskId` now uses exactly `ids`. */
  use(taskId: string, ids: readonly string[]): void {
    for (const id of this.#byTask.get(taskId) ?? []) {
      this.#users.get(id)?.delete(taskId);
      this.#touched.add(id);
    }
    for (const id of ids) {
      const users = this.#users.get(id);
      if (users === undefined) this.#users.set(id, new Set([taskId]));
      else users.add(taskId);
      this.#touched.add(id);
    }
    if (ids.length > 0) this.#byTask.set(taskId, ids);
    else this.#byTask.delete(taskId);
  }

  /** The net effect of all `use` calls since the last time. */
  settle<T>(find: (id: string) => T | undefined): { added: T[]; removed: string[] } {
    const added: T[] = [];
    const removed: string[] = [];
    for (const id of this.#touched) {
      const isUsed = (this.#users.get(id)?.size ?? 0) > 0;
      if (!isUsed) this.#users.delete(id);
      if (isUsed && !this.#delivered.has(id)) {
        const object = find(id);
        if (object === undefined) continue;
        this.#delivered.add(id);
        added.push(object);
      } else if (!isUsed && this.#delivered.delete(id)) {
        removed.push(id);
      }
    }
    this.#touched.clear();
    return { added, removed };
  }
}

/** True when two states of a task ask the same of the node: everything but meta and status is equal. */
function isSameWork(a: Task, b: Task): boolean {
  for (const field of new Set([...Object.keys(a), ...Object.keys(b)])) {
    if (field === "meta" || field === "status") continue;
    const [left, right]: [unknown, unknown] = [Reflect.get(a, field), Reflect.get(b, field)];
    // Unchanged members of an updated object are the same objects; the deep comparison is rare.
    if (left !== right && !isDeepStrictEqual(left, right)) return false;
  }
  return true;
}
