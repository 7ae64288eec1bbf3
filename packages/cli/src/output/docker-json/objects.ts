// Nodes, secrets and configs as `docker … inspect` shows them.
import type { Config, Node, NodeTLSInfo, Secret } from "@mswarm/wire";
import { identityFields, type JsonObject, jsonNumber, jsonWord, nonEmpty } from "./shape.ts";

export function nodeJson(node: Node): JsonObject {
  const { spec, description, status, managerStatus } = node;
  const { platform, resources, engine, tlsInfo } = description ?? {};
  return {
    ...identityFields(node),
    Spec: {
      Name: nonEmpty(spec?.annotations?.name),
      Labels: spec?.annotations?.labels ?? {},
      Role: jsonWord(spec?.desiredRole ?? "WORKER"),
      Availability: jsonWord(spec?.availability ?? "ACTIVE"),
    },
    Description: {
      Hostname: nonEmpty(description?.hostname),
      Platform: { Architecture: nonEmpty(platform?.architecture), OS: nonEmpty(platform?.os) },
      Resources: {
        NanoCPUs: nonEmpty(jsonNumber(resources?.nanoCpus)),
        MemoryBytes: nonEmpty(jsonNumber(resources?.memoryBytes)),
      },
      Engine: {
        EngineVersion: nonEmpty(engine?.engineVersion),
        Labels: nonEmpty(engine?.labels),
        Plugins: nonEmpty(engine?.plugins?.map(({ type = "", name = "" }) => ({ Type: type, Name: name }))),
      },
      TLSInfo: tlsJson(tlsInfo ?? {}),
    },
    Status: {
      State: jsonWord(status?.state ?? "UNKNOWN"),
      Message: nonEmpty(status?.message),
      Addr: nonEmpty(status?.addr),
    },
    ManagerStatus:
      managerStatus === undefined
        ? undefined
        : {
            Leader: nonEmpty(managerStatus.leader),
            Reachability: jsonWord(managerStatus.reachability ?? "UNKNOWN"),
            Addr: nonEmpty(managerStatus.addr),
          },
  };
}

const tlsJson = (info: NodeTLSInfo): JsonObject => ({
  TrustRoot: nonEmpty(info.trustRoot?.toString("utf8")),
  CertIssuerSubject: nonEmpty(info.certIssuerSubject?.toString("base64")),
  CertIssuerPublicKey: nonEmpty(info.certIssuerPublicKey?.toString("base64")),
});

/** Never with the data. */
export function secretJson(secret: Secret): JsonObject {
  const { annotations, driver, templating } = secret.spec ?? {};
  return {
    ...identityFields(secret),
    Spec: {
      Name: annotations?.name ?? "",
      Labels: annotations?.labels ?? {},
      Driver: driver === undefined ? undefined : { Name: driver.name ?? "", Options: nonEmpty(driver.options) },
      Templating: templating === undefined ? undefined : { Name: templating.name ?? "" },
    },
  };
}

export function configJson(config: Config): JsonObject {
  const { annotations, data, templating } = config.spec ?? {};
  return {
    ...identityFields(config),
    Spec: {
      Name: annotations?.name ?? "",
      Labels: annotations?.labels ?? {},
      Data: nonEmpty(data?.toString("base64")),
      Templating: templating === undefined ? undefined : { Name: templating.name ?? "" },
    },
  };
}
