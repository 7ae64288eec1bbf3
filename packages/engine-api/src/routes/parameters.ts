// Parameters and bodies as Go's libraries read them: clients show the texts.
import type { Json, Shape } from "@mswarm/docker-json";
import type { Version } from "@mswarm/wire";
import { badRequest, type HttpError, plainly } from "../errors/http-error.ts";
import type { FaceRequest } from "../routing/route.ts";

const mostUnsigned = 2n ** 64n - 1n;

/** Source: Go's strconv.ParseUint; undefined for a good number. */
function unsignedFault(text: string): string | undefined {
  const isNumber = /^\d+$/.test(text);
  if (isNumber && BigInt(text) <= mostUnsigned) return undefined;
  return `strconv.ParseUint: parsing ${JSON.stringify(text)}: ${isNumber ? "value out of range" : "invalid syntax"}`;
}

/** The `version` that an update is based on. Errors: HttpError 400 with `text` of what is wrong with it. */
export function versionParameter(query: URLSearchParams, text: (given: string, fault: string) => string): Version {
  const given = query.get("version") ?? "";
  const fault = unsignedFault(given);
  if (fault !== undefined) throw badRequest(text(given, fault));
  return { index: String(BigInt(given)) };
}

/** `invalid service version 'x': …`, as for nodes and swarms. */
export const versionText =
  (kind: string) =>
  (given: string, fault: string): string =>
    `invalid ${kind} version '${given}': ${fault}`;

/** A flag in Go's spelling; false where it is absent. Source: strconv.ParseBool. Errors: HttpError 400. */
export function strictFlag(
  query: URLSearchParams,
  name: string,
  refusal: (given: string) => HttpError = (given) =>
    badRequest(
      `invalid value for ${name}: ${given}: strconv.ParseBool: parsing ${JSON.stringify(given)}: invalid syntax`,
    ),
): boolean {
  const given = query.get(name) ?? "";
  if (["1", "t", "T", "TRUE", "true", "True"].includes(given)) return true;
  if (["", "0", "f", "F", "FALSE", "false", "False"].includes(given)) return false;
  throw refusal(given);
}

/** The body by its table. Errors: HttpError 400, without a gRPC prefix. */
export async function bodyOf<W>(request: FaceRequest, shape: Shape<W>): Promise<W> {
  // Go takes null for a structure whose fields are all zero.
  const json = ((await request.json()) ?? {}) as Json;
  return readAs(shape, json, request.minor);
}

/** Errors: HttpError 400. */
export function readAs<W>(shape: Pick<Shape<W>, "read">, json: Json, minor: number): W {
  try {
    return shape.read(json, { struct: "", path: "", api: minor });
  } catch (error) {
    throw plainly(error);
  }
}
