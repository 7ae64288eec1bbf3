// What well-known clients of a swarm ask, request by request as they send it. Source: engine-api reference 18.
import type { Difference, Step } from "./engine-api-comparison.ts";

/** What begins with @ stays as it is, to be replaced. */
const filters = (value: object): string =>
  `filters=${encodeURIComponent(JSON.stringify(value)).replace(/%40\w+(%3A\w+%2F\w+)?/g, decodeURIComponent)}`;
const image = "mswarm-busybox:test";
const traefikLabels = {
  "traefik.enable": "true",
  "traefik.http.routers.shop.rule": "Host(`shop.example`)",
  "traefik.http.services.shop.loadbalancer.server.port": "80",
};
const cronLabels = { "swarm.cronjob.enable": "true", "swarm.cronjob.schedule": "* * * * *" };
const credentials = { "X-Registry-Auth": Buffer.from('{"username":"u","password":"p"}').toString("base64") };
const task = { ContainerSpec: { Image: image, Command: ["sleep", "600"], StopGracePeriod: 0 } };
const shop = {
  Name: "shop",
  Labels: traefikLabels,
  TaskTemplate: { ...task, ContainerSpec: { ...task.ContainerSpec, Labels: { part: "front" } } },
  Mode: { Replicated: { Replicas: 2 } },
  EndpointSpec: { Mode: "vip" },
};
const cron = (forceUpdate: unknown): object => ({
  Name: "cron",
  Labels: cronLabels,
  TaskTemplate: {
    ContainerSpec: { Image: image, Command: ["true"] },
    RestartPolicy: { Condition: "none" },
    ForceUpdate: forceUpdate,
  },
  Mode: { Replicated: { Replicas: 1 } },
});

/** One client's requests. */
export interface ClientSession {
  readonly client: string;
  readonly steps: readonly Step[];
}

/** Each finds what the ones before it have left. */
export const clientSessions: readonly ClientSession[] = [
  {
    client: "Portainer",
    steps: [
      // Through its proxy, without a version.
      ...[
        { say: "HEAD /_ping" },
        { say: "GET /_ping" },
        { say: "GET /version" },
        { say: "GET /info", isAboutMachine: true as const },
        { say: "GET /swarm" },
        { say: "GET /nodes" },
        { say: "GET /nodes/@self" },
        {
          say: "POST /secrets/create",
          body: { Name: "portainer-secret", Data: "eA==", Labels: { "io.portainer": "1" } },
        },
        { say: "POST /configs/create", body: { Name: "portainer-config", Data: "eA==", Labels: {} } },
        { say: "GET /secrets?filters=%7B%7D" },
        { say: "GET /configs" },
        { say: "POST /services/create", body: shop, headers: credentials },
        { say: "GET /services?status=true", until: '"RunningTasks":2' },
        { say: `GET /services?${filters({ name: ["shop"] })}` },
        { say: `GET /tasks?${filters({ service: ["shop"] })}` },
        { say: `GET /tasks?${filters({ node: ["@self"], "desired-state": ["running"] })}` },
        {
          say: "GET /containers/json?all=1&filters=%7B%22label%22%3A%5B%22part%3Dfront%22%5D%7D",
          isAboutMachine: true as const,
        },
        { say: "GET /containers/json?all=1", isAboutMachine: true as const },
        { say: "GET /images/json?all=0", isAboutMachine: true as const },
        { say: "GET /volumes?filters=%7B%22dangling%22%3A%5B%22true%22%5D%7D" },
        { say: "GET /volumes" },
        { say: "GET /networks/host", isAboutMachine: true as const },
        { say: `GET /networks?${filters({ driver: ["bridge"] })}`, isAboutMachine: true as const },
        { say: "GET /networks", isAboutMachine: true as const },
        { say: "GET /system/df", isAboutMachine: true as const },
        { say: "GET /plugins" },
        { say: "POST /services/shop/update?version=@services/shop&registryAuthFrom=previous-spec", body: shop },
        {
          say: "POST /services/shop/update?version=@services/shop&rollback=",
          body: { ...shop, Labels: { ...traefikLabels, changed: "1" } },
          headers: { ...credentials, "X-Registry-ID": "0" },
        },
        { say: "GET /services/shop/logs?stdout=1&stderr=1&timestamps=0&since=0&tail=100" },
        { say: "GET /services/shop/logs?since=0&stderr=1&stdout=1&tail=100&timestamps=1&details=1" },
        {
          say: "POST /nodes/@self/update?version=@nodes/@self",
          body: { Role: "manager", Availability: "active", Labels: { "io.portainer.agent": "1" } },
        },
        { say: "GET /nodes/@self" },
        { say: "GET /distribution/127.0.0.1:1/none/json", isAboutMachine: true as const },
        { say: "DELETE /secrets/portainer-secret" },
        { say: "DELETE /configs/portainer-config" },
      ].map((step): Step => ({ ...step, version: "" })),
    ],
  },
  {
    client: "Portainer's agent",
    steps: [
      { say: "GET /info", version: "1.24", isAboutMachine: true },
      { say: `GET /containers/json?${filters({ "is-task": ["true"] })}`, version: "1.24", isAboutMachine: true },
    ],
  },
  {
    client: "Traefik",
    steps: [
      { say: "GET /version", version: "1.24" },
      { say: "GET /services", version: "1.24" },
      { say: `GET /networks?${filters({ scope: { swarm: true } })}`, version: "1.24" },
      {
        say: `GET /tasks?${filters({ service: { "@id:services/shop": true }, "desired-state": { running: true } })}`,
        version: "1.24",
        until: '"State":"running"',
      },
      { say: "GET /nodes/@self", version: "1.24" },
    ],
  },
  {
    client: "Prometheus",
    steps: [
      { say: "GET /services" },
      { say: "GET /nodes" },
      { say: "GET /tasks", until: '"State":"running"' },
      { say: "GET /networks", isAboutMachine: true },
    ],
  },
  {
    client: "swarm-cronjob",
    steps: [
      {
        say: "POST /services/create",
        body: { ...cron(0), Mode: { Replicated: { Replicas: 0 } } },
        headers: credentials,
      },
      { say: `GET /services?${filters({ label: { "swarm.cronjob.enable": true } })}` },
      { say: "GET /services/cron?insertDefaults=false" },
      { say: `GET /tasks?${filters({ service: { cron: true } })}` },
      {
        say: "POST /services/cron/update?registryAuthFrom=spec&version=@services/cron",
        body: cron("@services/cron"),
      },
      { say: `GET /tasks?${filters({ service: { cron: true } })}`, until: '"DesiredState":"shutdown"' },
      { say: "GET /services/cron" },
      { say: `GET /events?since=1&until=1&${filters({ type: { service: true } })}` },
    ],
  },
  {
    client: "docker-py, Ansible and Terraform",
    steps: ["", "1.24", "1.25", "1.30", "1.37", "1.39", "1.40", "1.41"].flatMap((version): Step[] => [
      { say: "GET /services/shop?insertDefaults=true", version },
      { say: "GET /swarm", version },
      { say: `GET /services?${filters({ name: ["shop"] })}`, version },
      { say: "GET /services/cron/logs?follow=false&stdout=true&stderr=true", version },
    ]),
  },
  {
    client: "all of them",
    steps: [{ say: "DELETE /services/shop" }, { say: "DELETE /services/cron" }],
  },
];

export const knownOfClients: readonly Difference[] = [
  { step: / GET \/networks\?filters=%7B%22scope/, reason: "without overlay networks there is no network ingress" },
  {
    step: / GET \/networks(?:\?filters=%7B%22driver%22%3A%5B%22bridge%22%5D%7D)? "/,
    reason: "without overlay networks there are no networks ingress and docker_gwbridge",
  },
  {
    step: / GET \/services\/(shop|cron)\/logs/,
    field: "contentType",
    version: "1.41",
    reason: "20.10 lets Go guess it; newer Engines and mswarm name it",
  },
];
