// Logs of services and tasks. Source: engine-api reference 11.
import type { LogSelector, LogStream, LogSubscriptionOptions, TaskSpec } from "@mswarm/wire";
import { serverError } from "../errors/http-error.ts";
import { booleanParameter } from "../routing/query.ts";
import { answerStream, type FaceAnswer, type Route } from "../routing/route.ts";
import { logLines } from "./log-lines.ts";
import { findService, findTask } from "./lookup.ts";
import { type ManagerCall, onManager } from "./manager-call.ts";

const multiplexedSince = 42;

/** Lines to look back: on the wire 0 is all, -1 none, -(n+1) the last n. Errors: HttpError 500, as Docker has it. */
function tailOf(text: string): string {
  if (text === "" || text === "all") return "0";
  if (!/^[+-]?\d{1,15}$/.test(text)) throw serverError('tail value must be a positive integer or "all"');
  if (Number(text) < 0) throw serverError("negative tail values not supported");
  return String(-(Number(text) + 1));
}

/** Seconds, with a fraction, since 1970. Errors: HttpError 500. */
function sinceOf(text: string): LogSubscriptionOptions["since"] {
  if (text === "") return undefined;
  const [whole = "", ...rest] = text.split(".");
  const fraction = rest.join(".");
  const bad = [whole, ...(rest.length === 0 ? [] : [fraction])].find((part) => !/^[+-]?\d{1,15}$/.test(part));
  if (bad !== undefined) {
    throw serverError(
      `could not parse since timestamp: strconv.ParseInt: parsing ${JSON.stringify(bad)}: invalid syntax`,
    );
  }
  return { seconds: String(Number(whole)), nanos: Number(fraction.slice(0, 9).padEnd(9, "0")) };
}

async function logs(
  call: ManagerCall,
  find: () => Promise<{ selector: LogSelector; spec: TaskSpec | undefined }>,
): Promise<FaceAnswer> {
  const { query, minor, signal } = call.request;
  const wants = (name: string): boolean => booleanParameter(query, name);
  const streams: LogStream[] = [
    ...(wants("stdout") ? (["LOG_STREAM_STDOUT"] as const) : []),
    ...(wants("stderr") ? (["LOG_STREAM_STDERR"] as const) : []),
  ];
  if (streams.length === 0) throw serverError("Bad parameters: you must choose at least one stream");
  // An object that does not exist comes before bad parameters, as Docker has it.
  const { selector, spec } = await find();
  const tail = tailOf(query.get("tail") ?? "");
  const since = sinceOf(query.get("since") ?? "");
  if (spec?.container === undefined) throw serverError("logs only supported on container tasks");
  const framed = spec.container.tty !== true;
  const options: LogSubscriptionOptions = {
    streams,
    follow: wants("follow"),
    tail,
    ...(since === undefined ? {} : { since }),
  };
  const client = await call.context.logs();
  const format = {
    timestamps: wants("timestamps"),
    details: wants("details"),
    stdout: wants("stdout"),
    stderr: wants("stderr"),
    framed,
  };
  const type = framed && minor >= multiplexedSince ? "multiplexed-stream" : "raw-stream";
  return answerStream(logLines(client.SubscribeLogs({ selector, options }, { signal }), format), {
    "Content-Type": `application/vnd.docker.${type}`,
  });
}

export const logRoutes: readonly Route[] = [
  {
    method: "GET",
    pattern: "/services/{id}/logs",
    handler: onManager((call) =>
      logs(call, async () => {
        const { id = "", spec } = await findService(call, call.request.parameters["id"] ?? "");
        return { selector: { serviceIds: [id] }, spec: spec?.task };
      }),
    ),
  },
  {
    method: "GET",
    pattern: "/tasks/{id}/logs",
    handler: onManager((call) =>
      logs(call, async () => {
        const { id = "", spec } = await findTask(call, call.request.parameters["id"] ?? "");
        return { selector: { taskIds: [id] }, spec };
      }),
    ),
  },
];
