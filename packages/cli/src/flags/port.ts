import { invalidArgument } from "@mswarm/runtime";
import type { PortConfig, PortConfig_Protocol } from "@mswarm/wire";
import { notAvailable } from "../local-failure.ts";
import { parseCommaFields } from "./comma-values.ts";

const protocols: Readonly<Record<string, PortConfig_Protocol>> = { tcp: "TCP", udp: "UDP", sctp: "SCTP" };

/** A port that a service publishes, or that `--publish-rm` names. */
export interface PublishedPort extends PortConfig {
  readonly targetPort: number;
  readonly protocol: PortConfig_Protocol;
}

/**
 * One `--publish`: `mode=host,target=80,published=8080,protocol=tcp`. What would need the routing mesh is refused:
 * `mode=ingress`, no mode at all, and the short form `8080:80`.
 * Errors: INVALID_ARGUMENT; UNIMPLEMENTED.
 */
export function parsePublishedPort(text: string): PublishedPort {
  const port = parsePort(text);
  if (port.publishMode === "HOST") return port;
  const { targetPort, publishedPort = targetPort } = port;
  throw notAvailable(
    `publishing through the routing mesh (ingress) is not available yet; publish on the nodes that run a task with --publish mode=host,target=${targetPort},published=${publishedPort}`,
  );
}

/** The same grammar without the refusal; `publishMode` is absent where the text does not say one. */
export function parsePort(text: string): PublishedPort {
  return text.includes("=") ? parseLong(text) : parseShort(text);
}

function parseShort(text: string): PublishedPort {
  const {
    published,
    target,
    protocol = "tcp",
  } = /^(?:(?<published>\d+):)?(?<target>\d+)(?:\/(?<protocol>[a-z]+))?$/i.exec(text)?.groups ?? {};
  if (target === undefined) throw invalidArgument(`invalid port: ${text}`);
  return {
    protocol: protocolOf(protocol),
    targetPort: portNumber(target, "target"),
    ...(published === undefined ? {} : { publishedPort: portNumber(published, "published") }),
  };
}

function parseLong(text: string): PublishedPort {
  const values = new Map(parseCommaFields(text).map(({ key, value }) => [key, value]));
  for (const key of values.keys()) {
    if (!["mode", "target", "published", "protocol"].includes(key)) throw invalidArgument(`invalid field key ${key}`);
  }
  const target = values.get("target");
  if (target === undefined) throw invalidArgument(`missing mandatory field ${JSON.stringify("target")}`);
  const mode = values.get("mode");
  if (mode !== undefined && mode !== "host" && mode !== "ingress") {
    throw invalidArgument(`invalid publish mode value (${mode}): must be either 'ingress' or 'host'`);
  }
  const published = values.get("published");
  return {
    protocol: protocolOf(values.get("protocol") ?? "tcp"),
    targetPort: portNumber(target, "target"),
    ...(published === undefined ? {} : { publishedPort: portNumber(published, "published") }),
    ...(mode === undefined ? {} : { publishMode: mode === "host" ? "HOST" : "INGRESS" }),
  };
}

function protocolOf(text: string): PortConfig_Protocol {
  const protocol = protocols[text.toLowerCase()];
  if (protocol === undefined) throw invalidArgument(`invalid protocol value '${text}'`);
  return protocol;
}

function portNumber(text: string, field: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535)
    throw invalidArgument(`invalid ${field} port (${text}): value must be an integer`);
  return port;
}
