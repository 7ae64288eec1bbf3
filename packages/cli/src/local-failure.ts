import { isSwarmError, type StatusCode, SwarmError } from "@mswarm/runtime";

/** What this program itself could not or would not do; shown as it is, without "Error response from daemon". */
export class LocalFailure extends SwarmError {}

export function localFailure(code: StatusCode, message: string, cause?: unknown): LocalFailure {
  return new LocalFailure(code, message, { cause });
}

/** The answer to flags and commands whose feature comes later. */
export function notAvailable(message: string): LocalFailure {
  return new LocalFailure("UNIMPLEMENTED", message);
}

/** For work that no daemon was asked to do: what it fails with becomes a LocalFailure. */
export async function withoutDaemon<R>(work: Promise<R>): Promise<R> {
  try {
    return await work;
  } catch (error) {
    if (!isSwarmError(error)) throw error;
    throw localFailure(error.code, error.message, error);
  }
}
