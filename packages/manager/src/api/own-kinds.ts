import { permissionDenied } from "@mswarm/runtime";

/**
 * Kinds under which mswarm keeps its own replicated state (DESIGN 3): clients may read such objects, and only mswarm
 * itself writes them. Errors: PERMISSION_DENIED.
 */
export function requireForeignKind(kind: string): void {
  if (kind.toLowerCase().startsWith("mswarm.")) {
    throw permissionDenied(`objects of kind ${kind} are kept by mswarm itself and cannot be changed by clients`);
  }
}
