// fmt.Sprintf for the values templates have. Source: fmt/doc.go and fmt/print.go of Go 1.19.
import { bytesOfText, textOfBytes } from "./bytes.ts";
import { quote } from "./quoting.ts";
import { isList, shown, shownFloat, typeOf, type Value } from "./value.ts";

/** Widths and precisions that make more than this are mistakes: Go's own limit. */
const sizeMax = 1_000_000;

interface Verb {
  readonly flags: string;
  readonly width: number | undefined;
  readonly precision: number | undefined;
  readonly letter: string;
}

const directive =
  /%(?<flags>[-+# 0]*)(?:\[(?<index>\d+)\])?(?<width>\*|\d+)?(?:\.(?<precision>\*|\d*))?(?:\[(?<late>\d+)\])?(?<letter>[\s\S])?/g;

/** Fills `format`; mistakes in it show in the text, as Go's do. */
export function sprintf(format: string, values: readonly Value[]): string {
  let next = 0;
  let isReordered = false;
  const size = (text: string | undefined): number | undefined => {
    const value = text === "*" ? Number(values[next++]) : text === undefined ? undefined : Number(text);
    return value === undefined || !(value <= sizeMax) ? undefined : value;
  };
  const text = format.replace(directive, (...match) => {
    const groups = match.at(-1) as Record<string, string | undefined>;
    const { flags = "", letter } = groups;
    const index = groups["index"] ?? groups["late"];
    if (index !== undefined) {
      next = Number(index) - 1;
      isReordered = true;
    }
    const width = size(groups["width"]);
    const precision = size(groups["precision"]);
    if (letter === undefined) return "%!(NOVERB)";
    if (letter === "%") return "%";
    if (next < 0 || next >= values.length)
      return index === undefined ? `%!${letter}(MISSING)` : `%!${letter}(BADINDEX)`;
    const value = values[next];
    next += 1;
    const isLeft = flags.includes("-") || (width ?? 0) < 0;
    const verb = {
      flags: isLeft ? `${flags}-` : flags,
      width: width === undefined ? width : Math.abs(width),
      precision,
      letter,
    };
    return formatted(value, verb);
  });
  const extra = values.slice(next);
  if (extra.length === 0 || isReordered) return text;
  const shownExtra = extra.map((value) =>
    value === undefined || value === null ? "<nil>" : `${typeOf(value)}=${shown(value)}`,
  );
  return `${text}%!(EXTRA ${shownExtra.join(", ")})`;
}

function formatted(value: Value, verb: Verb): string {
  const { letter } = verb;
  if (letter === "T") return padded(value === undefined || value === null ? "<nil>" : typeOf(value), verb);
  if (value === undefined || value === null) {
    return letter === "v" ? padded("<nil>", verb) : `%!${letter}(<nil>)`;
  }
  if (typeof value === "object") return formattedItems(value, verb);
  if (typeof value === "string") return formattedString(value, verb);
  if (typeof value === "bigint") return formattedInteger(value, verb);
  if (typeof value === "number") return formattedFloat(value, verb);
  const isBoolean = typeof value === "boolean" && letter === "t";
  return letter === "v" || isBoolean ? padded(shown(value), verb) : wrongVerb(value, verb);
}

/** Lists and maps hand the verb on to what is in them. */
function formattedItems(value: Value & object, verb: Verb): string {
  if (isList(value)) return `[${value.map((item) => formatted(item, verb)).join(" ")}]`;
  if ("sorted" in value) {
    const items = value.sorted().map(([key, item]) => `${formatted(key, verb)}:${formatted(item, verb)}`);
    return `map[${items.join(" ")}]`;
  }
  const prefix = value.type.startsWith("*") ? "&" : "";
  const fields = Object.entries(value.fields).map(
    ([name, item]) => (verb.flags.includes("+") ? `${name}:` : "") + formatted(item, verb),
  );
  return `${prefix}{${fields.join(" ")}}`;
}

const wrongVerb = (value: Value, verb: Verb): string =>
  `%!${verb.letter}(${typeOf(value)}=${formatted(value, { ...verb, letter: "v" })})`;

/** To its width, which counts characters; zeros only where numbers asked for them. */
function padded(text: string, { flags, width = 0 }: Verb, isNumber = false): string {
  const missing = Math.max(0, width - [...textOfBytes(text)].length);
  if (flags.includes("-")) return text + " ".repeat(missing);
  if (!flags.includes("0")) return " ".repeat(missing) + text;
  const sign = isNumber ? (/^[-+ ]/.exec(text)?.[0] ?? "") : "";
  return sign + "0".repeat(missing) + text.slice(sign.length);
}

function formattedString(value: string, verb: Verb): string {
  const { letter, precision, flags } = verb;
  const cut = (text: string): string =>
    precision === undefined ? text : bytesOfText([...textOfBytes(text)].slice(0, precision).join(""));
  switch (letter) {
    case "v":
    case "s":
      return padded(cut(value), verb);
    case "q": {
      const isRaw = flags.includes("#") && !/[`\p{Cc}]/u.test(value.replaceAll("\t", ""));
      const isAscii = flags.includes("+");
      return padded(isRaw ? `\`${cut(value)}\`` : quote(cut(value), { isAscii }), verb);
    }
    case "x":
    case "X": {
      const bytes = Buffer.from(precision === undefined ? value : value.slice(0, precision), "latin1").toString("hex");
      const prefix = flags.includes("#") && bytes !== "" ? "0x" : "";
      const separated = flags.includes(" ")
        ? (bytes.match(/../g) ?? []).map((pair) => prefix + pair).join(" ")
        : prefix + bytes;
      return padded(letter === "X" ? separated.toUpperCase() : separated, verb);
    }
  }
  return wrongVerb(value, verb);
}

const bases: Readonly<Record<string, readonly [radix: number, prefix: string]>> = {
  b: [2, "0b"],
  o: [8, "0"],
  O: [8, ""],
  d: [10, ""],
  v: [10, ""],
  x: [16, "0x"],
  X: [16, "0x"],
};

function formattedInteger(value: bigint, verb: Verb): string {
  const { letter, flags, precision } = verb;
  const base = bases[letter];
  if (base !== undefined) {
    const size = value < 0n ? -value : value;
    const digits = (precision === 0 && value === 0n ? "" : size.toString(base[0])).padStart(precision ?? 0, "0");
    const prefix = letter === "O" ? "0o" : flags.includes("#") ? base[1] : "";
    const text = signOf(value < 0n, flags) + prefix + digits;
    return padded(
      letter === "X" ? text.toUpperCase() : text,
      precision === undefined ? verb : withoutZeros(verb),
      true,
    );
  }
  const code = Number(value);
  const isRune = code >= 0 && code < 0x110000 && (code < 0xd800 || code > 0xdfff);
  const character = bytesOfText(String.fromCodePoint(isRune ? code : 0xfffd));
  if (letter === "c") return padded(character, verb);
  if (letter === "q") return padded(quote(character, { mark: "'" }), verb);
  if (letter === "U") return padded(`U+${value.toString(16).toUpperCase().padStart(4, "0")}`, withoutZeros(verb));
  return wrongVerb(value, verb);
}

const signOf = (isNegative: boolean, flags: string): string =>
  isNegative ? "-" : flags.includes("+") ? "+" : flags.includes(" ") ? " " : "";
const withoutZeros = (verb: Verb): Verb => ({ ...verb, flags: verb.flags.replaceAll("0", "") });

function formattedFloat(value: number, verb: Verb): string {
  const { letter, flags, precision } = verb;
  const size = Math.abs(value);
  const text = Number.isFinite(value) ? floatDigits(size, letter, precision) : shownFloat(size).replace("+", "");
  if (text === undefined) return wrongVerb(value, verb);
  const sign = signOf(value < 0 || Object.is(value, -0), flags);
  const upper = letter === "E" || letter === "G";
  return padded(sign + (upper ? text.toUpperCase() : text), Number.isFinite(value) ? verb : withoutZeros(verb), true);
}

function floatDigits(size: number, letter: string, precision: number | undefined): string | undefined {
  const exponent = (text: string): string => text.replace(/e([-+])(\d)$/, "e$10$2");
  switch (letter) {
    case "f":
    case "F":
      return fixed(size, Math.min(precision ?? 6, 50));
    case "e":
    case "E":
      return exponent(size.toExponential(Math.min(precision ?? 6, 100)));
    case "v":
    case "g":
    case "G": {
      if (precision === undefined) return shownFloat(size);
      const digits = Number(size.toPrecision(Math.min(Math.max(1, precision), 100)));
      const power = digits === 0 ? 0 : Math.floor(Math.log10(digits));
      return power < -4 || power >= Math.max(1, precision) ? exponent(digits.toExponential()) : String(digits);
    }
  }
  return undefined;
}

/** Ties go to the even digit, where JavaScript takes the larger one. */
function fixed(size: number, digits: number): string {
  const [rounded, exact] = [size.toFixed(digits), size.toFixed(100)];
  const cut = exact.slice(0, exact.length - 100 + digits - (digits === 0 ? 1 : 0));
  const isTie = /^\.?50*$/.test(exact.slice(cut.length));
  return isTie && /[02468]$/.test(cut) ? cut : rounded;
}
