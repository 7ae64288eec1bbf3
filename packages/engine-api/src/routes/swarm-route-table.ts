// Every route of the swarm part.
import type { Route } from "../routing/route.ts";

export const swarmRoutes: readonly Route[] = [];
