// How Go prints what appears in texts that people and tools compare.

/** `%g` of a float64. Source: strconv.FormatFloat with format `g` and the shortest precision. */
export function goFloat(value: number): string {
  const [mantissa = "0", exponent = "0"] = value.toExponential().split("e");
  const power = Number(exponent);
  if (power >= -4 && power < 6) return String(value);
  return `${mantissa}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}

/** `%q` of a text that holds what names hold: quotes and backslashes are escaped, controls are written as escapes. */
export const goQuoted = (text: string): string => JSON.stringify(text);

/** "secret", or "secrets" when there are several. */
export const plural = (word: string, count: number): string => (count === 1 ? word : `${word}s`);
