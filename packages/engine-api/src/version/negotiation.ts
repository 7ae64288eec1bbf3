// Which API version a request speaks. Source: moby api/server/middleware/version.go.
import { badRequest } from "../errors/http-error.ts";
import type { EngineFacts } from "./engine-facts.ts";

/**
 * N of 1.N. The engine checks its own requests in the same way.
 * Errors: HttpError 400 with Docker's text for a version that is not served.
 */
export function negotiate(asked: number | undefined, facts: Pick<EngineFacts, "apiMinor" | "oldestMinor">): number {
  if (asked === undefined) return facts.apiMinor;
  if (asked > facts.apiMinor) {
    throw badRequest(`client version 1.${asked} is too new. Maximum supported API version is 1.${facts.apiMinor}`);
  }
  if (asked < facts.oldestMinor) {
    throw badRequest(
      `client version 1.${asked} is too old. Minimum supported API version is 1.${facts.oldestMinor}, please upgrade your client to a newer version`,
    );
  }
  return asked;
}
