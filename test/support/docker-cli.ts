// The stock `docker` command line, every one that this machine has: tests run with each.
import { execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { invariant, seconds, systemClock } from "@mswarm/runtime";
import { afterAll, onTestFinished } from "vitest";

const run = promisify(execFile);
const clock = systemClock();
/** A command that takes longer has hung. */
const commandLimit = seconds(180);

export interface CommandResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface CommandOptions {
  readonly input?: string | Buffer;
  /** With a terminal for input and output, as a person has it. */
  readonly terminal?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
}

export class DockerCli {
  /** As `docker --version` says it, such as 28.2.2. */
  readonly version: string;
  readonly #program: string;
  readonly #folder: string;

  constructor(program: string, version: string) {
    this.#program = program;
    this.version = version;
    // No settings of the user's own, and no context.
    this.#folder = mkdtempSync(join(tmpdir(), "mst-cli-"));
  }

  /** Runs one command against `socket`; resolves whatever its exit code. */
  async run(socket: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const command = [this.#program, ...args];
    const [program = "", ...rest] = options.terminal ? ["script", "-qec", quoted(command), "/dev/null"] : command;
    const child = spawn(program, rest, { env: this.#environment(socket, options), stdio: "pipe" });
    const [out, err]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    child.stdin.on("error", () => undefined);
    if (!options.terminal || options.input !== undefined) child.stdin.end(options.input ?? "");
    const timer = clock.timer(commandLimit, () => child.kill("SIGKILL"));
    const code = await new Promise<number>((resolve) => child.once("close", (status) => resolve(status ?? -1)));
    timer.cancel();
    return { code, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() };
  }

  /** Runs a command that has to succeed, and gives what it prints. */
  async print(socket: string, ...args: readonly string[]): Promise<string> {
    const { code, out, err } = await this.run(socket, args);
    invariant(code === 0, `docker ${args.join(" ")} fails`, { code, out, err });
    return out;
  }

  /** Starts a command that goes on until it is killed, or the test is over. */
  start(socket: string, args: readonly string[]): ReturnType<typeof spawn> {
    const started = spawn(this.#program, [...args], { env: this.#environment(socket, {}), stdio: "pipe" });
    onTestFinished(() => void started.kill());
    return started;
  }

  /** Removes its settings. */
  async close(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  #environment(socket: string, { environment = {} }: CommandOptions): NodeJS.ProcessEnv {
    const { PATH, TERM = "xterm" } = process.env;
    return {
      PATH,
      TERM,
      HOME: this.#folder,
      DOCKER_CONFIG: this.#folder,
      DOCKER_HOST: `unix://${socket}`,
      ...environment,
    };
  }
}

const quoted = (command: readonly string[]): string =>
  command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");

/** One of each version, newest first; at least one. Closed with the test file. */
export async function dockerClis(): Promise<readonly DockerCli[]> {
  const found = new Map<string, DockerCli>();
  for (const program of ["/usr/local/bin/docker", "/usr/bin/docker"].filter((path) => existsSync(path))) {
    const { stdout } = await run(program, ["--version"]);
    const version = /version (?<version>[0-9.]+)/.exec(stdout)?.groups?.["version"] ?? "";
    if (!found.has(version)) found.set(version, new DockerCli(program, version));
  }
  invariant(found.size > 0, "this test needs the docker command line: install docker.io");
  const clis = [...found.values()];
  afterAll(() => Promise.all(clis.map((cli) => cli.close())));
  return clis;
}
