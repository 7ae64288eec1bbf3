import type { ServiceOf } from "@mswarm/rpc";
import { notFound } from "@mswarm/runtime";
import type { Handlers } from "@mswarm/wire";

/**
 * `docker.swarmkit.v1.Health`: whether each named service is ready. The nameless one stands for the server itself and
 * always is.
 *
 * @param services  by name, as in `{ Raft: () => node !== undefined }`; others are NOT_FOUND `unknown service`
 * Source: swarmkit manager/health (wire reference 1.5).
 */
export function healthService(
  services: Readonly<Record<string, () => boolean>>,
): ServiceOf<Handlers["docker.swarmkit.v1.Health"]> {
  return {
    async Check({ service = "" }) {
      if (service === "") return { status: "SERVING" };
      const isReady = Object.hasOwn(services, service) ? services[service] : undefined;
      if (isReady === undefined) throw notFound("unknown service");
      return { status: isReady() ? "SERVING" : "NOT_SERVING" };
    },
  };
}
