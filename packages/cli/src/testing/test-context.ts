// A command line without a process: what it prints, and daemons that answer as a test says.
import { invariant, notFound } from "@mswarm/runtime";
import { SimulatedClock } from "@mswarm/runtime/simulated";
import type { CliContext, Control, Daemon, Logs, Operations } from "../cli-context.ts";
import { localFailure } from "../local-failure.ts";
import type { AddCommand } from "../program.ts";
import { type ExitCode, runCommandLine } from "../run.ts";

export interface TestRun {
  readonly exitCode: ExitCode;
  readonly out: string;
  readonly err: string;
  /** Requests to the daemon in order, as `Method request`. */
  readonly requests: readonly (readonly [method: string, request: unknown])[];
}

export interface TestSetting {
  readonly control?: Partial<Control>;
  readonly daemon?: Partial<Daemon>;
  readonly operations?: Partial<Operations>;
  readonly logs?: Logs;
  readonly environment?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly files?: Readonly<Record<string, string>>;
  /** Nobody listens at the control socket until a daemon is started. */
  readonly isDaemonDown?: boolean;
  readonly clock?: SimulatedClock;
  readonly isTerminal?: boolean;
  readonly signal?: AbortSignal;
  /** Commands beside those of `createProgram`. */
  readonly more?: readonly AddCommand[];
}

/** Runs one command line, arguments as a shell would split them. */
export async function run(argv: readonly string[], setting: TestSetting = {}): Promise<TestRun> {
  const printed = { out: "", err: "" };
  const requests: (readonly [string, unknown])[] = [];
  let isUp = setting.isDaemonDown !== true;
  const bytesOf = (text: string | undefined, name: string): Buffer => {
    if (text === undefined) throw localFailure("NOT_FOUND", `open ${name}: no such file or directory`);
    return Buffer.from(text);
  };
  const context: CliContext = {
    out: (text) => {
      printed.out += text;
    },
    err: (text) => {
      printed.err += text;
    },
    write: async (stream, bytes) => {
      printed[stream] += bytes.toString();
    },
    isTerminal: setting.isTerminal ?? false,
    environment: setting.environment ?? {},
    clock: setting.clock ?? new SimulatedClock(),
    signal: setting.signal ?? new AbortController().signal,
    readInput: async () => bytesOf(setting.input, "-"),
    readFile: async (path) => bytesOf(setting.files?.[path], path),
    connect: async () => {
      if (!isUp) throw localFailure("UNAVAILABLE", "Cannot connect to the mswarm daemon");
      return {
        control: recording("Control", setting.control ?? {}, requests) as Control,
        daemon: recording("Daemon", setting.daemon ?? {}, requests) as Daemon,
        operations: recording("Operations", setting.operations ?? {}, requests) as Operations,
        logs: setting.logs ?? { SubscribeLogs: async function* () {} },
        close: () => undefined,
      };
    },
    startDaemon: async () => {
      isUp = true;
    },
  };
  const exitCode = await runCommandLine(argv, context, setting.more);
  return { exitCode, ...printed, requests };
}

/** Get calls that a test does not speak of find nothing, lists are empty; everything else is a mistake of the test. */
function recording(service: string, methods: object, requests: (readonly [string, unknown])[]): object {
  return new Proxy(methods, {
    get: (target, name) => async (request: unknown) => {
      invariant(typeof name === "string", "a method has a name");
      requests.push([name, request]);
      const method: unknown = Reflect.get(target, name);
      if (typeof method === "function") return await Promise.resolve(method(request));
      if (name.startsWith("List") || name === "Status") return {};
      if (name.startsWith("Get")) throw notFound("not found");
      invariant(false, "a call that this test does not expect", { service, name });
    },
  });
}

/** Splits a recorded command line. */
export { splitWords as shellWords } from "../flags/words.ts";
