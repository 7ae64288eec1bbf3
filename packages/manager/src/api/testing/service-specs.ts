// Service specs of every kind, and a store that holds what they name.
import { configs, networks, secrets, services } from "@mswarm/store";
import type { ConfigReference, ContainerSpec, PortConfig, SecretReference, ServiceSpec, TaskSpec } from "@mswarm/wire";
import { type ControlFixture, controlFixture } from "./control-fixture.ts";

export const spec = (changes: Partial<ServiceSpec> = {}): ServiceSpec => ({
  annotations: { name: "web" },
  task: { container: { image: "nginx" } },
  replicated: { replicas: "1" },
  ...changes,
});
export const withTask = (task: TaskSpec): ServiceSpec => spec({ task: { container: { image: "nginx" }, ...task } });
export const withContainer = (container: ContainerSpec): ServiceSpec =>
  spec({ task: { container: { image: "nginx", ...container } } });
export const withPorts = (...ports: PortConfig[]): ServiceSpec => spec({ endpoint: { ports } });
export const host = (publishedPort: number): PortConfig => ({ publishedPort, targetPort: 80, publishMode: "HOST" });
const file = { name: "f" };
export const secretRef: SecretReference = { secretId: "s1", secretName: "pass", file };
export const configRef: ConfigReference = { configId: "c1", configName: "conf", file };

export async function populated(): Promise<ControlFixture> {
  const fixture = controlFixture();
  const { put } = fixture;
  await put(secrets, { id: "s1", spec: { annotations: { name: "pass" } } });
  await put(configs, { id: "c1", spec: { annotations: { name: "conf" } } });
  const predefined = { "com.docker.swarm.predefined": "true" };
  await put(networks, { id: "n-host", spec: { annotations: { name: "host", labels: predefined } } });
  await put(networks, { id: "n-ingress", spec: { annotations: { name: "ingress" }, ingress: true } });
  await put(networks, { id: "n-overlay", spec: { annotations: { name: "back" } } });
  await put(services, {
    id: "mesh",
    spec: { annotations: { name: "mesh" }, endpoint: { ports: [{ publishedPort: 80 }] } },
  });
  await put(services, { id: "edge", spec: { annotations: { name: "edge" }, endpoint: { ports: [host(81)] } } });
  return fixture;
}
