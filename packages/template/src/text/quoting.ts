// Go's string and character literals, and %q. Byte strings, as everywhere here.
import { bytesOfText, textOfBytes } from "./bytes.ts";

const escapes: Readonly<Record<string, string>> = {
  a: "\u0007",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
};

/** The content of `"…"` or `'…'`; undefined: an escape that there is not. */
export function unquote(literal: string): string | undefined {
  const quote = literal.charAt(0);
  let isWrong = false;
  const body = literal.slice(1, -1);
  const read = body.replace(
    /\\(?:([0-7]{3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([\s\S]?))/g,
    (_all, octal?: string, hex?: string, short?: string, long?: string, plain = "") => {
      if (octal !== undefined && Number.parseInt(octal, 8) < 256) return String.fromCharCode(Number.parseInt(octal, 8));
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
      const code = Number.parseInt(short ?? long ?? "110000", 16);
      const isRune = code < 0x110000 && (code < 0xd800 || code > 0xdfff);
      if (isRune) return bytesOfText(String.fromCodePoint(code));
      const found = plain === quote ? quote : escapes[plain];
      if (found === undefined) isWrong = true;
      return found ?? "";
    },
  );
  return isWrong ? undefined : read;
}

const shortEscapes: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(escapes).map(([letter, character]) => [character, `\\${letter}`]),
);

/** strconv.Quote; with `isAscii` everything beyond ASCII is escaped, too. */
export function quote(bytes: string, options: { readonly mark?: string; readonly isAscii?: boolean } = {}): string {
  const { mark = '"', isAscii = false } = options;
  const text = textOfBytes(bytes);
  // What is no UTF-8 is shown byte by byte.
  const isText = bytesOfText(text) === bytes;
  return (
    mark + [...(isText ? text : bytes)].map((character) => quoted(character, mark, { isText, isAscii })).join("") + mark
  );
}

function quoted(
  character: string,
  mark: string,
  { isText, isAscii }: { readonly isText: boolean; readonly isAscii: boolean },
): string {
  const code = character.codePointAt(0) ?? 0;
  if (character === mark) return `\\${mark}`;
  const short = shortEscapes[character];
  if (short !== undefined) return short;
  if (code < 0x20 || code === 0x7f || (!isText && code > 0x7f)) return `\\x${code.toString(16).padStart(2, "0")}`;
  if (code < 0x7f) return character;
  if (!isAscii && /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u.test(character)) return bytesOfText(character);
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`;
}
