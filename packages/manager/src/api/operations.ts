// mswarm.v1.Operations: what managers do for people beyond docker.swarmkit.v1.Control.
import { type PolicyTable, roles, type ServiceOf } from "@mswarm/rpc";
import type { Handlers } from "@mswarm/wire";
import type { ControlParts } from "./control-parts.ts";
import { type ExplainParts, explain } from "./explain.ts";
import { rotateSecret } from "./secret-rotation.ts";

type Operations = Handlers["mswarm.v1.Operations"];

export const operationsService = (
  parts: ExplainParts & Pick<ControlParts, "store" | "clock" | "random">,
): ServiceOf<Operations> => ({
  Explain: (request) => explain(parts, request),
  RotateSecret: (request) => rotateSecret(parts, request),
});

export const operationsPolicy: PolicyTable<Operations> = {
  Explain: roles("swarm-manager"),
  RotateSecret: roles("swarm-manager"),
};
