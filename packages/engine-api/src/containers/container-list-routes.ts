// `GET /containers/json`: the engine's, except for the filter by which Docker tells the containers of tasks from others.
// The engine goes by a mark of its own that only its own swarm mode sets; ours carry the label.
import { badRequest } from "../errors/http-error.ts";
import { type Filters, parseFilters } from "../routing/filters.ts";
import { answerJson, passToEngine, type Route } from "../routing/route.ts";

const taskLabel = "com.docker.swarm.task";

interface ListedContainer {
  readonly Labels?: Readonly<Record<string, string>> | null;
}

export const containerListRoutes: readonly Route[] = [
  {
    method: "GET",
    pattern: "/containers/json",
    handler: async ({ query, target, signal }, { engine }) => {
      const filters = parseFilters(query.get("filters"));
      const wanted = filters.get("is-task");
      if (wanted === undefined) return passToEngine;
      const isTask = readFlag(wanted);
      const parameters = new URLSearchParams(query);
      parameters.set("filters", writtenFilters(filters, isTask));
      // The engine would count containers that are left out afterwards.
      const limit = Number(parameters.get("limit") ?? "0");
      if (!isTask) parameters.delete("limit");
      const path = `${target.split("?")[0]}?${parameters}`;
      const answer = await engine.request({ method: "GET", path }, signal);
      const containers = await answer.json();
      if (isTask || answer.status !== 200 || !Array.isArray(containers)) return answerJson(containers, answer.status);
      const others = (containers as ListedContainer[]).filter(
        ({ Labels: labels }) => labels?.[taskLabel] === undefined,
      );
      return answerJson(limit > 0 ? others.slice(0, limit) : others);
    },
  },
];

/** Errors: HttpError 400. Source: moby daemon/list.go. */
function readFlag(values: ReadonlySet<string>): boolean {
  const [value = "", ...more] = values;
  if (more.length === 0 && ["1", "true"].includes(value)) return true;
  if (more.length === 0 && ["0", "false"].includes(value)) return false;
  throw badRequest(`Invalid filter 'is-task=${[...values].join(" ")}'`);
}

function writtenFilters(filters: Filters, isTask: boolean): string {
  const written = new Map([...filters].filter(([key]) => key !== "is-task").map(([key, values]) => [key, [...values]]));
  if (isTask) written.set("label", [...(written.get("label") ?? []), taskLabel]);
  return JSON.stringify(Object.fromEntries(written));
}
