// Every route that the face answers itself, wholly or in part.
import { eventRoutes } from "./events/event-routes.ts";
import type { SwarmEvents } from "./events/swarm-events.ts";
import { pingRoutes } from "./ping/ping-routes.ts";
import { swarmRoutes } from "./routes/swarm-route-table.ts";
import type { Route } from "./routing/route.ts";

export const faceRoutes = (events: SwarmEvents): readonly Route[] => [
  ...swarmRoutes,
  ...pingRoutes,
  ...eventRoutes(events),
];
