// Every route of the swarm part.
import type { Route } from "../routing/route.ts";
import { logRoutes } from "./log-routes.ts";
import { nodeRoutes } from "./node-routes.ts";
import { payloadRoutes } from "./payload-routes.ts";
import { serviceRoutes } from "./service-routes.ts";
import { ownSwarmRoutes } from "./swarm-routes.ts";
import { taskRoutes } from "./task-routes.ts";

export const swarmRoutes: readonly Route[] = [
  ...ownSwarmRoutes,
  ...nodeRoutes,
  ...serviceRoutes,
  ...taskRoutes,
  ...logRoutes,
  ...payloadRoutes,
];
