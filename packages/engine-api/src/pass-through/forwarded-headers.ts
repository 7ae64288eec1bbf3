// Headers belong to the message or to one connection only; the latter are not passed on. Source: RFC 9110 section 7.6.1.

const ofConnection: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
]);

/**
 * The headers of a message for the other connection, in the order and spelling they came.
 *
 * @param raw      name, value, name, value …
 * @param without  one more that is left out, in small letters
 */
export function forwardedHeaders(raw: readonly string[], without?: string): string[] {
  const kept: string[] = [];
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] ?? "";
    const known = name.toLowerCase();
    if (!ofConnection.has(known) && known !== without) kept.push(name, raw[index + 1] ?? "");
  }
  return kept;
}
