// What follows a secret's rotation (api/secret-rotation.ts): services that have rolled over get their own update policy
// back, and the older version is destroyed when its time is over and nothing uses it.
// Writes: `spec.update` of services whose rotation has ended; removal of older versions of secrets.
import { isChangeOf, type ReadTransaction, secrets, services, tasks } from "@mswarm/store";
import type { Secret, Service } from "@mswarm/wire";
import { type ControlLoop, type LoopParts, nothing, runControlLoop } from "../loops/control-loop.ts";
import type { ObjectChange } from "../loops/object-change.ts";
import { formerNameOf, keptUntil } from "../objects/secret-versions.ts";
import { hasEnded } from "../objects/task-state.ts";
import { sameSpec } from "./spec-equality.ts";

/** Runs until `signal` aborts. Rejects when the store does. */
export function runSecretRotation(parts: LoopParts, signal: AbortSignal): Promise<void> {
  return runControlLoop(rotationLoop, parts, signal);
}

const secretKey = (id = ""): string => `secret/${id}`;
const serviceKey = (id = ""): string => `service/${id}`;

const rotationLoop: ControlLoop = {
  name: "orchestrator/rotated-secrets",
  tables: [secrets, services, tasks],
  changed: (change, mark) => {
    if (isChangeOf(change, services)) {
      // A service that goes, or is changed, may have been the last user of an older version.
      for (const spec of [change.object.spec, change.previous?.spec]) {
        for (const { secretId } of spec?.task?.container?.secrets ?? []) mark(secretKey(secretId));
      }
      if (change.kind !== "remove") mark(serviceKey(change.object.id));
    } else if (isChangeOf(change, secrets)) {
      if (change.kind !== "remove" && formerNameOf(change.object) !== undefined) mark(secretKey(change.object.id));
    } else if (isChangeOf(change, tasks) && (change.kind === "remove" || hasEnded(change.object))) {
      for (const { secretId } of change.object.spec?.container?.secrets ?? []) mark(secretKey(secretId));
    }
  },
  everything: (tx, mark) => {
    for (const secret of tx.all(secrets)) if (formerNameOf(secret) !== undefined) mark(secretKey(secret.id));
    for (const service of tx.all(services)) mark(serviceKey(service.id));
  },
  plan: (tx, key, now) => {
    const [kind, id = ""] = key.split("/");
    if (kind === "service") return { changes: ownPolicy(tx, tx.get(services, id)) };
    const secret = tx.get(secrets, id);
    const until = secret === undefined ? undefined : keptUntil(secret);
    if (secret === undefined || until === undefined) return nothing;
    if (until > now) return { changes: [], lookAgainAt: until };
    return isUsed(tx, secret) ? nothing : { changes: [{ kind: "remove-secret", secret }] };
  },
};

/** A service in force, or a task that has not ended. A previous spec does not count: its time is over. */
const isUsed = (tx: ReadTransaction, { id = "" }: Secret): boolean =>
  tx.by(services, "secret", id).length > 0 || tx.by(tasks, "secret", id).some((task) => !hasEnded(task));

/** The policy that a service had before a rotation, which ran under one of its own; nothing for any other service. */
function ownPolicy(tx: ReadTransaction, service: Service | undefined): readonly ObjectChange[] {
  const { spec, previousSpec, updateStatus } = service ?? {};
  if (service === undefined || spec === undefined || previousSpec === undefined) return [];
  const hasEndedWell = updateStatus?.state === "COMPLETED";
  if (!hasEndedWell || !isRotation(tx, service) || sameSpec(spec.update, previousSpec.update)) return [];
  const { update: _borrowed, ...rest } = spec;
  const own = previousSpec.update === undefined ? {} : { update: previousSpec.update };
  return [{ kind: "update-service", service: { ...service, spec: { ...rest, ...own } } }];
}

/** The last update of the service put a newer version of a secret in the place of an older one. */
function isRotation(tx: ReadTransaction, { spec, previousSpec }: Service): boolean {
  const names = new Set((spec?.task?.container?.secrets ?? []).map(({ secretName }) => secretName));
  return (previousSpec?.task?.container?.secrets ?? []).some(({ secretId = "" }) => {
    const older = tx.get(secrets, secretId);
    const former = older === undefined ? undefined : formerNameOf(older);
    return former !== undefined && names.has(former);
  });
}
