import type { ContainerCreate, ContainerHealthcheck } from "../container-create.ts";

/** What the fake engine believes a command does. */
export interface FakeProgram {
  /** Undefined: it runs until it is stopped. */
  readonly exitCode: number | undefined;
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
}

/**
 * Understands just enough of a shell for the contract suite: `echo WORD`, `echo WORD >&2` and `exit N` in `sh -c`;
 * everything else runs for ever. Undefined: there is no such program.
 */
export function fakeProgram(spec: ContainerCreate): FakeProgram | undefined {
  const words = [...(spec.entrypoint ?? []), ...(spec.command ?? [])];
  const [program = "", , line = ""] = words;
  if (program.startsWith("/no-such")) return undefined;
  const stdout: string[] = [];
  const stderr: string[] = [];
  let exitCode: number | undefined = program === "true" ? 0 : undefined;
  if (program !== "sh") return { exitCode, stdout, stderr };
  for (const part of line.split(";").map((text) => text.trim())) {
    const echo = /^echo (\S+)( >&2)?$/.exec(part);
    if (echo !== null) (echo[2] === undefined ? stdout : stderr).push(echo[1] ?? "");
    const exit = /^exit (\d+)$/.exec(part);
    if (exit !== null) exitCode = Number(exit[1]);
  }
  return { exitCode, stdout, stderr };
}

/** The verdict of a health check whose command is `exit N`; "starting" for all others, until a test sets another. */
export function fakeHealth(check: ContainerHealthcheck | undefined): "none" | "starting" | "healthy" | "unhealthy" {
  if (check === undefined || check.test.length === 0 || check.test[0] === "NONE") return "none";
  const exit = /^exit (\d+)$/.exec(check.test[1] ?? "");
  if (exit === null) return "starting";
  return exit[1] === "0" ? "healthy" : "unhealthy";
}
