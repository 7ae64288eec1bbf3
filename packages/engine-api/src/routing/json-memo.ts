// JSON of objects that never change, as those of the store: lists are asked for again and again, by tools that show them,
// and most of what they hold is the same each time.
import { goJson } from "./go-json.ts";

/** A value as Docker writes it, without the line end. */
export const jsonLine = (value: unknown): string => goJson(value).slice(0, -1);

/** Remembers the text of each object for as long as somebody else holds the object. */
export class JsonMemo<T extends object> {
  readonly #write: (object: T) => unknown;
  readonly #texts = new WeakMap<T, string>();

  /** @param write  gives an object of JSON, the same each time */
  constructor(write: (object: T) => unknown) {
    this.#write = write;
  }

  textOf(object: T): string {
    const known = this.#texts.get(object);
    if (known !== undefined) return known;
    const text = jsonLine(this.#write(object));
    this.#texts.set(object, text);
    return text;
  }
}
