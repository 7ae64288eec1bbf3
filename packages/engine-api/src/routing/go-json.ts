// JSON as Go's encoder writes it: what Docker's own answers look like to the byte.

const escapes: Readonly<Record<string, string>> = {
  "<": "\\u003c",
  ">": "\\u003e",
  "&": "\\u0026",
  "\u2028": "\\u2028",
  "\u2029": "\\u2029",
};

/** One line with its line end. A bigint becomes a number, undefined members are left out. */
export function goJson(value: unknown): string {
  return `${stringify(value).replaceAll(/[<>&\u2028\u2029]/g, (sign) => escapes[sign] ?? sign)}\n`;
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
