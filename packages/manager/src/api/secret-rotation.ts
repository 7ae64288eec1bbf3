// `mswarm secret rotate`: new data under the name of a secret, and the services that use it rolled over to it.
import { failedPrecondition, invalidArgument, newId } from "@mswarm/runtime";
import { foldName, type ReadTransaction, secrets, services } from "@mswarm/store";
import type { mswarm, Secret, Service, ServiceSpec, UpdateConfig } from "@mswarm/wire";
import { payloadNameMax } from "../objects/annotations.ts";
import { validateSecretSpec } from "../objects/secret-spec.ts";
import {
  asNextVersion,
  asOlderVersion,
  formerNameOf,
  keepTime,
  nameOfSecret,
  versionOf,
  withSecrets,
} from "../objects/secret-versions.ts";
import { isJob } from "../objects/service-spec.ts";
import type { ControlParts } from "./control-parts.ts";
import { withNewSpec } from "./service-versions.ts";
import { existing } from "./stored.ts";

/** Everything happens in one transaction, and a log entry has a limit. */
const servicesMax = 100;

/**
 * Gives a secret new data. The version before is kept under another name, so that every service can be rolled back,
 * and destroyed after `keep` (default 24 h) once nothing uses it.
 * Errors: INVALID_ARGUMENT, NOT_FOUND, FAILED_PRECONDITION for an older version, for more than 100 services.
 */
export async function rotateSecret(
  { store, clock, random }: Pick<ControlParts, "store" | "clock" | "random">,
  { secretId = "", data = Buffer.alloc(0), keep }: mswarm.RotateSecretRequest,
): Promise<mswarm.RotateSecretResponse> {
  if (secretId === "") throw invalidArgument("secret ID must be provided");
  const keptFor = keepTime(keep);
  if (keptFor < 0) throw invalidArgument("the time to keep the old version cannot be negative");
  const id = newId(random);
  return await store.update((tx) => {
    const secret = existing(tx, secrets, secretId);
    const name = nameOfSecret(secret);
    const former = formerNameOf(secret);
    if (former !== undefined) {
      throw failedPrecondition(`secret ${name} is an older version of ${former}: rotate that one`);
    }
    const next = asNextVersion(secret, id, data);
    validateSecretSpec(next.spec);
    const previousName = freeNameFor(tx, secret);
    if (previousName.length > payloadNameMax) {
      throw failedPrecondition(
        `the name of secret ${name} is too long: its old version would be called ${previousName}`,
      );
    }
    const versions = versionsOf(tx, secret);
    const users = usersOf(tx, versions);
    if (users.length > servicesMax) {
      throw failedPrecondition(
        `secret ${name} is used by ${users.length} services, and at most ${servicesMax} can be rolled over at once`,
      );
    }
    tx.update(secrets, asOlderVersion(secret, previousName, clock.now(), keptFor));
    tx.create(secrets, next);
    for (const service of users) {
      tx.update(services, rotated(service, { versions, secret, previousName, next }));
    }
    return {
      secretId: id,
      previousId: secretId,
      previousName,
      serviceIds: users.map((service) => service.id ?? ""),
    };
  });
}

/** `<name>.<number>`; a number is passed over when somebody else's secret has that name. */
function freeNameFor(tx: ReadTransaction, secret: Secret): string {
  for (let number = versionOf(secret); ; number += 1) {
    const name = `${nameOfSecret(secret)}.${number}`;
    if (tx.by(secrets, "name", foldName(name)).length === 0) return name;
  }
}

/** The secret and its older versions, with which a rollback may have left a service. */
function versionsOf(tx: ReadTransaction, secret: Secret): ReadonlySet<string> {
  const isVersion = (other: Secret): boolean => other.id === secret.id || formerNameOf(other) === nameOfSecret(secret);
  return new Set([...tx.all(secrets)].filter(isVersion).map(({ id = "" }) => id));
}

function usersOf(tx: ReadTransaction, versions: ReadonlySet<string>): readonly Service[] {
  const users = [...versions].flatMap((id) => tx.by(services, "secret", id));
  return [...new Map(users.map((service) => [service.id ?? "", service])).values()];
}

interface Rotation {
  /** Ids of the secret and of its older versions. */
  readonly versions: ReadonlySet<string>;
  readonly secret: Secret;
  readonly previousName: string;
  readonly next: Secret;
}

/**
 * The service with the new version in force. The spec before names the old version by its new name, so that a rollback
 * finds it; the file in the container keeps its name in both. A job is not run again: its next run has the new version.
 */
function rotated(service: Service, { versions, secret, previousName, next }: Rotation): Service {
  const spec: ServiceSpec = { ...service.spec, ...ownPolicy(service, versions) };
  const before = withSecrets(spec, (reference) =>
    reference.secretId === secret.id ? { ...reference, secretName: previousName } : undefined,
  );
  const now = withSecrets(spec, (reference) =>
    versions.has(reference.secretId ?? "")
      ? { ...reference, secretId: next.id ?? "", secretName: nameOfSecret(next) }
      : undefined,
  );
  return withNewSpec({ ...service, spec: before }, isJob(now) ? now : healthFirst(now));
}

/** The policy of a service that is still being rolled over from an earlier rotation is in the spec before. */
function ownPolicy(
  { spec, previousSpec, updateStatus }: Service,
  versions: ReadonlySet<string>,
): Pick<ServiceSpec, "update"> {
  const earlier = previousSpec?.task?.container?.secrets ?? [];
  const isRollingOver =
    updateStatus?.state !== "COMPLETED" && earlier.some(({ secretId = "" }) => versions.has(secretId));
  const update = isRollingOver && isHealthFirst(spec?.update) ? previousSpec?.update : spec?.update;
  return update === undefined ? {} : { update };
}

const isHealthFirst = (update: UpdateConfig | undefined): boolean => update?.failureAction === "ROLLBACK";

/**
 * A new task has to run before the old one stops, and one that fails brings the old secret back. When the update has
 * ended, the leader puts the service's own policy back in force (orchestrator/rotated-secrets.ts).
 */
function healthFirst(spec: ServiceSpec): ServiceSpec {
  // Two tasks cannot have one port of a node.
  const hasHostPort = (spec.endpoint?.ports ?? []).some(({ publishMode }) => publishMode === "HOST");
  const own: UpdateConfig = spec.update ?? { parallelism: "1" };
  const order = hasHostPort ? {} : { order: "START_FIRST" as const };
  return { ...spec, update: { ...own, failureAction: "ROLLBACK", ...order } };
}
