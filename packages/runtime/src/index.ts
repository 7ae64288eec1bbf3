export { AsyncQueue } from "./async-queue.ts";
export { Backoff, type BackoffOptions } from "./backoff.ts";
export { type Clock, systemClock, type Timer } from "./clock.ts";
export {
  after,
  between,
  type Duration,
  dateOf,
  durationOf,
  hours,
  type Instant,
  instantOf,
  milliseconds,
  minutes,
  seconds,
  timestampOf,
  type WireTime,
  wireDuration,
  wireTimestamp,
} from "./durations.ts";
export {
  aborted,
  alreadyExists,
  dataLoss,
  deadlineExceeded,
  failedPrecondition,
  InvariantViolation,
  internal,
  invalidArgument,
  invariant,
  isSwarmError,
  messageOf,
  notFound,
  permissionDenied,
  resourceExhausted,
  type StatusCode,
  SwarmError,
  statusNumbers,
  unavailable,
  unimplemented,
  unknownError,
} from "./errors.ts";
export { isId, newId } from "./ids.ts";
export {
  abortReason,
  type ChildAbort,
  childAbort,
  type Deferred,
  deferred,
  TaskGroup,
  throwIfAborted,
  whenAborted,
} from "./lifecycle.ts";
export { createLogger, type Logger, type LogLevel, type LogOptions, logLevels, silentLogger } from "./logger.ts";
export { cryptoRandom, pick, type Random } from "./random.ts";
export { TokenBucket, type TokenBucketOptions } from "./token-bucket.ts";
export { Wakeup } from "./wakeup.ts";
