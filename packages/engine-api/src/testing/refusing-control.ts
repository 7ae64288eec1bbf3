import { unimplemented } from "@mswarm/runtime";
import { serviceOf } from "@mswarm/wire";
import type { ControlClient } from "../routing/face-context.ts";

/** A control API that refuses every call: tests replace those they mean. */
export function refusingControl(): ControlClient {
  const refuse = (): Promise<never> => Promise.reject(unimplemented("not in this test"));
  const methods = Object.keys(serviceOf("docker.swarmkit.v1.Control")).map((name) => [name, refuse]);
  // It has exactly the methods of the service: they are made from its definition.
  return Object.fromEntries(methods) as ControlClient;
}
