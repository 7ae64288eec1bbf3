// Every route that the face answers itself, wholly or in part.
import { containerListRoutes } from "./containers/container-list-routes.ts";
import { eventRoutes } from "./events/event-routes.ts";
import type { SwarmEvents } from "./events/swarm-events.ts";
import { infoRoutes } from "./info/info-routes.ts";
import { networkRoutes } from "./networks/network-routes.ts";
import { pingRoutes } from "./ping/ping-routes.ts";
import { swarmRoutes } from "./routes/swarm-route-table.ts";
import type { Route } from "./routing/route.ts";

export const faceRoutes = (events: SwarmEvents): readonly Route[] => [
  ...swarmRoutes,
  ...pingRoutes,
  ...eventRoutes(events),
  ...infoRoutes,
  ...networkRoutes,
  ...containerListRoutes,
];
