// `--with-registry-auth`: the credentials that `docker login` left in ~/.docker/config.json, read here and sent with the spec.
import { join } from "node:path";
import { isSwarmError } from "@mswarm/runtime";
import type { CliContext } from "../cli-context.ts";
import { notAvailable } from "../local-failure.ts";

const dockerHub = "https://index.docker.io/v1/";

interface DockerConfig {
  readonly auths?: Readonly<Record<string, { readonly auth?: string; readonly identitytoken?: string } | undefined>>;
  readonly credsStore?: string;
  readonly credHelpers?: Readonly<Record<string, string>>;
}

/** The registry of an image as docker's configuration names it. */
export function registryOf(image: string): string {
  const [first = "", ...rest] = image.split("/");
  const isHost = rest.length > 0 && (first.includes(".") || first.includes(":") || first === "localhost");
  return isHost && first !== "docker.io" ? first : dockerHub;
}

/**
 * base64url of docker's auth object; that of an empty object when there are no credentials for the registry.
 * Errors: UNIMPLEMENTED when they lie in a credential helper. The credentials are in no message.
 */
export async function registryAuthFor(image: string, context: CliContext): Promise<string> {
  const home = context.environment["HOME"] ?? "/root";
  const path = join(context.environment["DOCKER_CONFIG"] ?? join(home, ".docker"), "config.json");
  const config = await readConfig(path, context);
  const registry = registryOf(image);
  const entry = config.auths?.[registry];
  const helper = config.credHelpers?.[registry] ?? config.credsStore;
  if (helper !== undefined && entry?.auth === undefined) {
    throw notAvailable(
      `the credentials for ${registry} are kept by the helper docker-credential-${helper}, which is not asked; log in without a helper`,
    );
  }
  const [username = "", ...password] = Buffer.from(entry?.auth ?? "", "base64")
    .toString("utf8")
    .split(":");
  const { identitytoken } = entry ?? {};
  const auth =
    entry === undefined
      ? {}
      : {
          username,
          password: password.join(":"),
          serveraddress: registry,
          ...(identitytoken === undefined ? {} : { identitytoken }),
        };
  // With padding, as Go's URLEncoding demands; Node's base64url has none.
  return Buffer.from(JSON.stringify(auth)).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}

async function readConfig(path: string, context: CliContext): Promise<DockerConfig> {
  let text: string;
  try {
    text = (await context.readFile(path)).toString("utf8");
  } catch (error) {
    if (isSwarmError(error, "NOT_FOUND")) return {};
    throw error;
  }
  return JSON.parse(text) as DockerConfig;
}
