// Membership changes as text: enough for clusters without a wire.
import { invariant } from "@mswarm/runtime";
import type { ConfChange } from "../core/messages.ts";

export function encodeConfChange(change: ConfChange): Buffer {
  return Buffer.from([change.id, change.type, change.raftId, change.context?.toString("hex") ?? ""].join(" "));
}

export function decodeConfChange(data: Buffer | undefined): ConfChange {
  const [id = "", type = "", raftId = "", context = ""] = (data ?? Buffer.alloc(0)).toString("latin1").split(" ");
  invariant(type === "add" || type === "remove" || type === "update", "an unknown change of membership", { type });
  return { id, type, raftId, context: context === "" ? undefined : Buffer.from(context, "hex") };
}
