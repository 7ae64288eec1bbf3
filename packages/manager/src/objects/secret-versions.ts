// Versions of a secret. The newest has the secret's name, so that everybody goes on using that; an older one is an
// ordinary secret called `<name>.<number>` until it is destroyed. Only labels tell that they belong together
// (docs/decisions/0011-secret-rotation.md).
import { after, type Duration, durationOf, hours, type Instant } from "@mswarm/runtime";
import type { Secret, SecretReference, ServiceSpec } from "@mswarm/wire";

/** On every version: its number, from 1. */
export const versionLabel = "mswarm.secret.version";
/** On an older version: the name that it had. */
const formerNameLabel = "mswarm.secret.former-name";
/** On an older version: until when it is kept, as milliseconds since 1970. */
const keptUntilLabel = "mswarm.secret.kept-until";

/** How long an older version is kept where nobody says. */
export const keptByDefault: Duration = hours(24);

export const nameOfSecret = (secret: Secret): string => secret.spec?.annotations?.name ?? "";

const labelOf = (secret: Secret, label: string): string | undefined => {
  const labels = secret.spec?.annotations?.labels;
  return labels !== undefined && Object.hasOwn(labels, label) ? labels[label] : undefined;
};

/** The number of a version; 1 for a secret that was never rotated. */
export function versionOf(secret: Secret): number {
  const number = Number(labelOf(secret, versionLabel) ?? "1");
  return Number.isSafeInteger(number) && number > 0 ? number : 1;
}

/** The name that an older version had; undefined for a secret that has its own name still. */
export const formerNameOf = (secret: Secret): string | undefined => labelOf(secret, formerNameLabel);

/** Until when an older version has to be kept; undefined for any other secret. */
export function keptUntil(secret: Secret): Instant | undefined {
  if (formerNameOf(secret) === undefined) return undefined;
  const text = labelOf(secret, keptUntilLabel) ?? "";
  // What somebody has written there is not a reason to destroy anything.
  return /^\d{1,15}$/.test(text) ? (Number(text) as Instant) : undefined;
}

export function asOlderVersion(secret: Secret, name: string, now: Instant, keep: Duration): Secret {
  const labels = {
    ...secret.spec?.annotations?.labels,
    [versionLabel]: String(versionOf(secret)),
    [formerNameLabel]: nameOfSecret(secret),
    [keptUntilLabel]: String(after(now, keep)),
  };
  return { ...secret, spec: { ...secret.spec, annotations: { ...secret.spec?.annotations, name, labels } } };
}

/** A new version with the name, labels and templating of `secret`. */
export function asNextVersion(secret: Secret, id: string, data: Buffer): Secret {
  const labels = { ...secret.spec?.annotations?.labels, [versionLabel]: String(versionOf(secret) + 1) };
  return { id, spec: { ...secret.spec, annotations: { ...secret.spec?.annotations, labels }, data } };
}

/** The spec with the references that `next` gives for those it has; the same object when nothing changes. */
export function withSecrets(
  spec: ServiceSpec,
  next: (reference: SecretReference) => SecretReference | undefined,
): ServiceSpec {
  const secrets = spec.task?.container?.secrets ?? [];
  const changed = secrets.map((reference) => next(reference) ?? reference);
  if (changed.every((reference, position) => reference === secrets[position])) return spec;
  return { ...spec, task: { ...spec.task, container: { ...spec.task?.container, secrets: changed } } };
}

export const keepTime = (keep: Parameters<typeof durationOf>[0]): Duration => durationOf(keep, keptByDefault);
