import { invalidArgument } from "@mswarm/runtime";

/**
 * Splits a command line as a POSIX shell does, without expanding anything: blanks separate, quotes and backslashes join.
 * Errors: INVALID_ARGUMENT for an open quote. Source: google/shlex, which docker uses for --args and --entrypoint.
 */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  // Single quotes take everything; inside double quotes a backslash guards only `"`, `\`, `$` and a backtick.
  const pieces = /\s+|'(?<single>[^']*)'|"(?<double>(?:[^"\\]|\\[\s\S])*)"|\\(?<escaped>[\s\S])|(?<plain>[^\s'"\\]+)/gy;
  let end = 0;
  for (const piece of text.matchAll(pieces)) {
    end = piece.index + piece[0].length;
    const { single, double, escaped, plain } = piece.groups ?? {};
    const part = single ?? double?.replace(/\\(["\\$`])/g, "$1") ?? escaped ?? plain;
    if (part !== undefined) word = (word ?? "") + part;
    else if (word !== undefined) {
      words.push(word);
      word = undefined;
    }
  }
  if (end !== text.length) throw invalidArgument(`a quote is not closed in ${JSON.stringify(text)}`);
  if (word !== undefined) words.push(word);
  return words;
}
