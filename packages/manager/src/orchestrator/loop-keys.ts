// Keys of the orchestrators' loops as text: a kind and up to two ids, which hold no slash.
import { invariant } from "@mswarm/runtime";

export type OrchestratorKey =
  | { readonly kind: "service"; readonly serviceId: string }
  | { readonly kind: "update"; readonly serviceId: string }
  | { readonly kind: "slot"; readonly serviceId: string; readonly slotKey: string }
  | { readonly kind: "node"; readonly nodeId: string };

export const serviceKey = (serviceId: string): string => `service/${serviceId}`;
export const updateKey = (serviceId: string): string => `update/${serviceId}`;
export const slotKeyOf = (serviceId: string, slot: string): string => `slot/${serviceId}/${slot}`;
export const nodeKey = (nodeId: string): string => `node/${nodeId}`;

export function readKey(key: string): OrchestratorKey {
  const [kind, first = "", second = ""] = key.split("/");
  switch (kind) {
    case "service":
      return { kind, serviceId: first };
    case "update":
      return { kind, serviceId: first };
    case "slot":
      return { kind, serviceId: first, slotKey: second };
    case "node":
      return { kind, nodeId: first };
    default:
      invariant(false, "orchestrator: unknown key", { key });
  }
}
