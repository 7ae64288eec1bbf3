// What two clusters print alike once everything that differs by nature is the same: ids, times, tokens, addresses.

const rules: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s\\]+?-----END CERTIFICATE-----(\\n)?/g, "<certificate>"],
  [/SWMTKN-1-[0-9a-z]{50}-[0-9a-z]{25}/g, "<token>"],
  [/SWMKEY-1-[A-Za-z0-9+/]{43}/g, "<key>"],
  [/\b127\.\d+\.\d+\.\d+(:\d+)?/g, "<address>"],
  [/\b[0-9a-f]{64}\b/g, "<hash>"],
  [/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?(Z|[+-]\d\d:?\d\d|UTC)( UTC)?)?/g, "<time>"],
  [/(Less than a second|About an? (minute|hour)|\d+ (seconds?|minutes?|hours?))( ago)?/g, "<span>"],
  [/\b[0-9a-z]{25}\b/g, "<id>"],
  // Short forms of both kinds of ids: the first word of a row, or one with a digit, which words have not.
  [/^[0-9a-z]{12}(?=\s|$)/gm, "<id>"],
  [/\b(?=[a-z]*[0-9])[0-9a-z]{12}\b/g, "<id>"],
  [/"(Index|Pid|PID)":\d+/g, '"$1":<number>'],
  [/"(CertIssuerSubject|CertIssuerPublicKey)":"[^"]*"/g, '"$1":"<base64>"'],
  [/[A-Za-z0-9+/]{60,}={0,2}/g, "<base64>"],
  // How far a service is, while one waits for it.
  [/^(overall progress|verify|\d+\/\d+|<id>|job (complete|progress)):?.*\n/gm, ""],
  [/^ *\n/gm, ""],
  // Columns are as wide as what is in them.
  [/[ \t]+/g, " "],
  [/ +$/gm, ""],
];

/** The same text for the same answer of two clusters. */
export function normalized(text: string): string {
  return rules.reduce((result, [pattern, replacement]) => result.replace(pattern, replacement), text);
}
