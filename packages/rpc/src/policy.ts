import type { CertificateRole } from "./call.ts";
import type { MethodName } from "./service.ts";

/** Who may call a method. On the control socket every policy admits: opening it is the authorisation. */
export type Policy =
  | { readonly kind: "anyone"; readonly reason: string }
  | { readonly kind: "roles"; readonly roles: readonly CertificateRole[]; readonly by: "record" | "certificate" }
  | { readonly kind: "local-only"; readonly reason: string };

/** One line for each method: a method without one does not compile. */
export type PolicyTable<H> = { readonly [K in MethodName<H>]: Policy };

/** Also a stranger without a certificate; `reason` says what protects the method instead. */
export const anyone = (reason: string): Policy => ({ kind: "anyone", reason });

/**
 * Only nodes of this cluster whose certificate carries one of `roles`; the order appears in error texts. A node that was
 * demoted counts as a worker, whatever its certificate says.
 */
export const roles = (...admitted: readonly CertificateRole[]): Policy => ({
  kind: "roles",
  roles: admitted,
  by: "record",
});

/**
 * As `roles`, but the certificate's word is taken: for methods that look at the record themselves, because a demoted
 * node has to be told something else than that it may not call.
 */
export const certified = (...admitted: readonly CertificateRole[]): Policy => ({
  kind: "roles",
  roles: admitted,
  by: "certificate",
});

/** Only on the control socket; `reason` says why it has no business on the network. */
export const localOnly = (reason: string): Policy => ({ kind: "local-only", reason });
