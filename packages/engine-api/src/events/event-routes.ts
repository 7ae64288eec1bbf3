// `GET /events`: what happens on this engine and, on a manager, in the swarm.
import { parseFilters } from "../routing/filters.ts";
import { answerStream, type Route } from "../routing/route.ts";
import { readTime } from "./event-filter.ts";
import { mergedEvents } from "./merged-events.ts";
import type { SwarmEvents } from "./swarm-events.ts";

export function eventRoutes(swarm: SwarmEvents): readonly Route[] {
  return [
    {
      method: "GET",
      pattern: "/events",
      handler: async (request, { engine, clock }) => {
        const { query, signal, target } = request;
        const selection = {
          filters: parseFilters(query.get("filters")),
          since: readTime(query.get("since")),
          until: readTime(query.get("until")),
        };
        const { accept } = request.headers;
        const headers = { ...(accept === undefined ? {} : { Accept: accept }) };
        const answer = await engine.request({ method: "GET", path: target, headers }, signal);
        const type = { "Content-Type": answer.headers["content-type"] ?? "application/json" };
        if (answer.status !== 200) {
          return { kind: "bytes", status: answer.status, headers: type, body: await answer.bytes() };
        }
        return answerStream(mergedEvents({ engine: answer.body, swarm, selection, clock }, signal), type);
      },
    },
  ];
}
