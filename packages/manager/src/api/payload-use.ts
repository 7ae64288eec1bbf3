// Secrets and configs in use by services. Source: swarmkit manager/controlapi/secret.go and config.go.
import { invalidArgument } from "@mswarm/runtime";
import { type ReadTransaction, services } from "@mswarm/store";
import { plural } from "../objects/go-format.ts";
import { byId } from "./stored.ts";

/** Errors: INVALID_ARGUMENT `secret '…' is in use by the following services: …`. */
export function requireUnused(
  tx: ReadTransaction,
  kind: "secret" | "config",
  payload: { id: string; name: string },
): void {
  const users = [...tx.by(services, kind, payload.id)]
    .sort(byId)
    .map((service) => service.spec?.annotations?.name ?? "");
  if (users.length === 0) return;
  throw invalidArgument(
    `${kind} '${payload.name}' is in use by the following ${plural("service", users.length)}: ${users.join(", ")}`,
  );
}
