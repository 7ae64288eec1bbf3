// Answers of a manager after which trying again soon makes no sense: a person has to do something.
import { type Duration, isSwarmError, messageOf, seconds } from "@mswarm/runtime";

export interface Refusal {
  /** For that person: what is wrong and what to do. */
  readonly sentence: string;
  /** Until the next try. */
  readonly pause: Duration;
}

/** Undefined for a failure that may pass by itself. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (isSwarmError(error, "FAILED_PRECONDITION") && error.message.includes("another daemon")) {
    return { sentence: messageOf(error), pause: seconds(10) };
  }
  return undefined;
}
