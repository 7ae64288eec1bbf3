import { messageOf } from "@mswarm/runtime";
import { HttpError } from "../errors/http-error.ts";

/** What a client is told when the engine does not answer. */
export function engineSilent(path: string, cause: unknown): HttpError {
  const text = `the Docker Engine at unix://${path} does not answer (${messageOf(cause)}): start it, then try again`;
  return new HttpError(503, text, { cause });
}
