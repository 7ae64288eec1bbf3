// `key=value` lists: labels, environment, options of drivers.
import { invalidArgument } from "@mswarm/runtime";

/** Key and value of `key=value`; a text without `=` has an empty value. */
export function splitPair(text: string): [key: string, value: string] {
  const at = text.indexOf("=");
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

/** Labels and options as a map; a later one wins. Errors: INVALID_ARGUMENT for an empty key. */
export function pairsToMap(pairs: readonly string[], what: string): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [key, value] = splitPair(pair);
      if (key.trim() === "") throw invalidArgument(`invalid ${what} '${pair}': empty name`);
      return [key, value];
    }),
  );
}

/** The variable's name. */
export const variableName = (entry: string): string => splitPair(entry)[0];

/**
 * One `--env`: `A=1` as it is; `A` takes its value from `environment`, and stays `A` (unset it) when that has none.
 * Errors: INVALID_ARGUMENT.
 */
export function resolveVariable(entry: string, environment: Readonly<Record<string, string | undefined>>): string {
  const name = variableName(entry);
  if (name === "") throw invalidArgument(`invalid environment variable: ${entry}`);
  if (entry.includes("=")) return entry;
  const value = environment[name];
  return value === undefined ? name : `${name}=${value}`;
}

/**
 * The variables of an `--env-file`: one per line, no quoting, `#` lines and empty ones skipped; a name without value
 * is taken from `environment` and left out when that has none.
 * Errors: INVALID_ARGUMENT. Source: docker/cli pkg/kvfile.
 */
export function parseEnvironmentFile(
  content: string,
  environment: Readonly<Record<string, string | undefined>>,
): string[] {
  return content
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .map((line) => line.trimStart())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .flatMap((line) => {
      const name = variableName(line);
      if (name === "" || /\s/.test(name)) {
        throw invalidArgument(`variable '${name}' contains whitespaces`);
      }
      if (line.includes("=")) return [line];
      return environment[name] === undefined ? [] : [`${name}=${environment[name]}`];
    });
}
