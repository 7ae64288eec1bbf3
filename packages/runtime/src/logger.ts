import { pino } from "pino";

/**
 * What the rest of the product may do with a log: fixed text, structured fields, written for the operator.
 * Fields come first, as in pino. No secret, key or token in either; `redactedFields` is the net below that rule.
 */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** A logger that adds `fields` to every line. */
  child(fields: object): Logger;
}

export type LogLevel = "debug" | "info" | "warn" | "error";
export const logLevels: readonly LogLevel[] = ["debug", "info", "warn", "error"];

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: "json" | "pretty";
}

const redactedNames = [
  "token",
  "joinToken",
  "joinTokens",
  "secret",
  "data",
  "key",
  "privateKey",
  "unlockKey",
  "password",
  "registryAuth",
  "caKey",
  "signingCaKey",
];

/** Field names that are replaced by `[redacted]`, at the top and two levels down. */
const redactedPaths = redactedNames.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

/** A logger that writes to standard error. */
export function createLogger(options: LogOptions): Logger {
  return pino(
    {
      level: options.level,
      base: null,
      redact: { paths: redactedPaths, censor: "[redacted]" },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: pino.stdSerializers.err, error: pino.stdSerializers.err },
      ...(options.format === "pretty"
        ? { transport: { target: "pino-pretty", options: { destination: 2, translateTime: "SYS:HH:MM:ss.l" } } }
        : {}),
    },
    ...(options.format === "json" ? [pino.destination({ dest: 2, sync: true })] : []),
  );
}

/** A logger that drops everything, for tests. */
export function silentLogger(): Logger {
  const drop = (): void => undefined;
  const logger: Logger = { debug: drop, info: drop, warn: drop, error: drop, child: () => logger };
  return logger;
}
