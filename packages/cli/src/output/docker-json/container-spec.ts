import type { ConfigReference, ContainerSpec, FileTarget, HealthConfig, Mount, SecretReference } from "@mswarm/wire";
import { type JsonObject, jsonDuration, jsonNumber, jsonWord, nonEmpty } from "./shape.ts";

/** `TaskTemplate.ContainerSpec`. Registry credentials are never part of it. Source: engine-api reference, section 15. */
export function containerSpecJson(spec: ContainerSpec): JsonObject {
  const dns = spec.dnsConfig;
  return {
    Image: nonEmpty(spec.image),
    Labels: nonEmpty(spec.labels),
    Command: nonEmpty(spec.command),
    Args: nonEmpty(spec.args),
    Hostname: nonEmpty(spec.hostname),
    Env: nonEmpty(spec.env),
    Dir: nonEmpty(spec.dir),
    User: nonEmpty(spec.user),
    Groups: nonEmpty(spec.groups),
    Init: spec.init === undefined ? undefined : (spec.init.value ?? false),
    StopSignal: nonEmpty(spec.stopSignal),
    TTY: nonEmpty(spec.tty),
    OpenStdin: nonEmpty(spec.openStdin),
    ReadOnly: nonEmpty(spec.readOnly),
    Mounts: nonEmpty(spec.mounts?.map(mountJson)),
    StopGracePeriod: jsonDuration(spec.stopGracePeriod),
    Healthcheck: spec.healthcheck === undefined ? undefined : healthJson(spec.healthcheck),
    Hosts: nonEmpty(spec.hosts),
    DNSConfig:
      dns === undefined
        ? undefined
        : {
            Nameservers: nonEmpty(dns.nameservers),
            Search: nonEmpty(dns.search),
            Options: nonEmpty(dns.options),
          },
    Secrets: nonEmpty(spec.secrets?.map(secretJson)),
    Configs: nonEmpty(spec.configs?.map(configJson)),
    Isolation: jsonWord((spec.isolation ?? "ISOLATION_DEFAULT").slice("ISOLATION_".length)),
    Sysctls: nonEmpty(spec.sysctls),
    CapabilityAdd: nonEmpty(spec.capabilityAdd),
    CapabilityDrop: nonEmpty(spec.capabilityDrop),
    Ulimits: nonEmpty(
      spec.ulimits?.map(({ name = "", hard = "0", soft = "0" }) => ({
        Name: name,
        Hard: jsonNumber(hard),
        Soft: jsonNumber(soft),
      })),
    ),
    OomScoreAdj: nonEmpty(jsonNumber(spec.oomScoreAdj)),
  };
}

function mountJson(mount: Mount): JsonObject {
  const { bindOptions: bind, volumeOptions: volume, tmpfsOptions: tmpfs } = mount;
  return {
    Type: jsonWord(mount.type ?? "BIND"),
    Source: nonEmpty(mount.source),
    Target: nonEmpty(mount.target),
    ReadOnly: nonEmpty(mount.readonly),
    Consistency:
      mount.consistency === undefined || mount.consistency === "DEFAULT" ? undefined : jsonWord(mount.consistency),
    BindOptions:
      bind === undefined
        ? undefined
        : {
            Propagation: bind.propagation === undefined ? undefined : jsonWord(bind.propagation),
            NonRecursive: nonEmpty(bind.nonrecursive),
          },
    VolumeOptions:
      volume === undefined
        ? undefined
        : {
            NoCopy: nonEmpty(volume.nocopy),
            Labels: nonEmpty(volume.labels),
            Subpath: nonEmpty(volume.subpath),
            DriverConfig:
              volume.driverConfig === undefined
                ? undefined
                : { Name: nonEmpty(volume.driverConfig.name), Options: nonEmpty(volume.driverConfig.options) },
          },
    TmpfsOptions:
      tmpfs === undefined
        ? undefined
        : {
            SizeBytes: nonEmpty(jsonNumber(tmpfs.sizeBytes)),
            Mode: nonEmpty(tmpfs.mode),
            Options: nonEmpty(tmpfs.options),
          },
  };
}

function healthJson(health: HealthConfig): JsonObject {
  return {
    Test: nonEmpty(health.test),
    Interval: nonEmpty(jsonDuration(health.interval)),
    Timeout: nonEmpty(jsonDuration(health.timeout)),
    StartPeriod: nonEmpty(jsonDuration(health.startPeriod)),
    StartInterval: nonEmpty(jsonDuration(health.startInterval)),
    Retries: nonEmpty(health.retries),
  };
}

const fileJson = (file: FileTarget): JsonObject => ({
  Name: file.name ?? "",
  UID: file.uid ?? "",
  GID: file.gid ?? "",
  Mode: file.mode ?? 0,
});

const secretJson = (reference: SecretReference): JsonObject => ({
  File: reference.file === undefined ? undefined : fileJson(reference.file),
  SecretID: reference.secretId ?? "",
  SecretName: reference.secretName ?? "",
});

const configJson = (reference: ConfigReference): JsonObject => ({
  File: reference.file === undefined ? undefined : fileJson(reference.file),
  Runtime: reference.runtime === undefined ? undefined : {},
  ConfigID: reference.configId ?? "",
  ConfigName: reference.configName ?? "",
});
