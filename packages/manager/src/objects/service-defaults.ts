// A service spec with everything filled in that was left out. Source: swarmkit api/defaults/service.go.
import { seconds, wireDuration } from "@mswarm/runtime";
import type { ContainerSpec, ServiceSpec, UpdateConfig } from "@mswarm/wire";

const updateDefaults = (): UpdateConfig => ({
  parallelism: "1",
  delay: wireDuration(seconds(0)),
  failureAction: "PAUSE",
  monitor: wireDuration(seconds(5)),
  order: "STOP_FIRST",
});

const withMonitor = (config: UpdateConfig | undefined): UpdateConfig =>
  config === undefined ? updateDefaults() : { ...config, monitor: config.monitor ?? wireDuration(seconds(5)) };

const completeContainer = (container: ContainerSpec): ContainerSpec => ({
  ...container,
  stopGracePeriod: container.stopGracePeriod ?? wireDuration(seconds(10)),
  pullOptions: container.pullOptions ?? {},
  dnsConfig: container.dnsConfig ?? {},
});

export function withServiceDefaults(spec: ServiceSpec): ServiceSpec {
  const { task = {} } = spec;
  const delay = wireDuration(seconds(5));
  return {
    ...spec,
    task: {
      ...task,
      ...(task.container === undefined ? {} : { container: completeContainer(task.container) }),
      resources: task.resources ?? {},
      restart:
        task.restart === undefined
          ? { condition: "ANY", delay }
          : { ...task.restart, delay: task.restart.delay ?? delay },
      placement: task.placement ?? {},
    },
    update: withMonitor(spec.update),
    rollback: withMonitor(spec.rollback),
  };
}
