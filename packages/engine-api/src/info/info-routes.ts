// `GET /info`: the engine's, with this node's part in a swarm.
import type { Route } from "../routing/route.ts";
import { answerJson } from "../routing/route.ts";
import { swarmBlock } from "./swarm-block.ts";

export const infoRoutes: readonly Route[] = [
  {
    method: "GET",
    pattern: "/info",
    handler: async ({ target, signal }, context) => {
      const [answer, swarm] = await Promise.all([
        context.engine.request({ method: "GET", path: target }, signal),
        swarmBlock(context, signal),
      ]);
      const info = await answer.json();
      if (answer.status !== 200 || !isObject(info)) return answerJson(info, answer.status);
      const own = Array.isArray(info["Warnings"]) ? (info["Warnings"] as readonly unknown[]) : [];
      const warnings = [...own, ...(swarm.Warnings ?? [])];
      return answerJson({ ...info, Swarm: swarm, Warnings: warnings.length === 0 ? info["Warnings"] : warnings });
    },
  },
];

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
