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
 * @param raw  name, value, name, value …
 */
export function forwardedHeaders(raw: readonly string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] ?? "";
    if (!ofConnection.has(name.toLowerCase())) kept.push(name, raw[index + 1] ?? "");
  }
  return kept;
}
