// JSON as Go's encoder writes it: what Docker's own answers look like to the byte.

const escapes: Readonly<Record<string, string>> = {
  "<": "\\u003c",
  ">": "\\u003e",
  "&": "\\u0026",
  "\u2028": "\\u2028",
  "\u2029": "\\u2029",
};

const separators = /[\u2028\u2029]/g;
const separatorsAndHtml = /[<>&\u2028\u2029]/g;

/**
 * One line with its line end. A bigint becomes a number, undefined members are left out.
 *
 * @param escaping  `html` where Docker leaves Go's escaping on: in events, not in answers.
 *   Source: moby api/server/httputils/httputils_write_json.go
 */
export function goJson(value: unknown, escaping?: "html"): string {
  const signs = escaping === "html" ? separatorsAndHtml : separators;
  return `${stringify(value).replaceAll(signs, (sign) => escapes[sign] ?? sign)}\n`;
}

function stringify(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "null";
  } catch (error) {
    // A replacer makes everything several times slower, and bigints are rare.
    if (!(error instanceof TypeError)) throw error;
    return JSON.stringify(value, (_key, member: unknown) => (typeof member === "bigint" ? rawNumber(member) : member));
  }
}

function rawNumber(value: bigint): unknown {
  const json = JSON as typeof JSON & { rawJSON(text: string): unknown };
  return json.rawJSON(String(value));
}
