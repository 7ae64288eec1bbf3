import { textOfBytes } from "./bytes.ts";
import { unquote } from "./quoting.ts";

const int64Max = 2n ** 63n - 1n;
const int64Min = -(2n ** 63n);
const integer = /^(?<sign>[-+]?)(?<digits>0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|[0-9][0-9_]*)$/;
const decimal = /^[-+]?(?:[0-9_]+\.?[0-9_]*|\.[0-9_]+)(?:[eE][-+]?[0-9_]+)?$/;

/** A number as it is written: a bigint is Go's int, a number its float64. The sentence says why there is none. */
export function numberOf(text: string): bigint | number | { readonly failure: string } {
  if (text.startsWith("'")) return characterOf(text);
  const { sign = "", digits = "" } = integer.exec(text)?.groups ?? {};
  if (digits !== "" && isSeparatedWell(digits)) {
    // A leading zero alone means octal, as in C.
    const plain = digits.replaceAll("_", "").replace(/^0(?=[0-7]+$)/, "0o");
    if (/^0[0-9]*[89]/.test(plain)) return { failure: `bad number syntax: "${text}"` };
    const value = BigInt(plain) * (sign === "-" ? -1n : 1n);
    if (value > int64Max || value < int64Min) return { failure: `integer overflow: "${text}"` };
    return value;
  }
  const value = Number(text.replaceAll("_", ""));
  if (!decimal.test(text) || !Number.isFinite(value) || !isSeparatedWell(text)) {
    return { failure: `illegal number syntax: "${text}"` };
  }
  return value;
}

const isSeparatedWell = (text: string): boolean => !/__|_$|^[-+]?_|_[.eE]|[.eE]_/.test(text);

function characterOf(text: string): bigint | { readonly failure: string } {
  const content = unquote(text);
  const [character, ...more] = content === undefined ? [] : [...textOfBytes(content)];
  if (character === undefined || more.length > 0) return { failure: `malformed character constant: ${text}` };
  return BigInt(character.codePointAt(0) ?? 0);
}
