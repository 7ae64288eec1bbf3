import type { ContainerCreate } from "../container-create.ts";

/** A container with nothing asked for but its name and image, for tests to add what they mean. */
export function plainContainer(name: string, image: string): ContainerCreate {
  return {
    name,
    image,
    labels: {},
    env: [],
    groups: [],
    tty: false,
    openStdin: false,
    mounts: [],
    readOnlyRoot: false,
    resources: { ulimits: [] },
    capabilitiesAdd: [],
    capabilitiesDrop: [],
    dns: { nameservers: [], search: [], options: [] },
    extraHosts: [],
    sysctls: {},
    securityOptions: [],
    ports: [],
  };
}
