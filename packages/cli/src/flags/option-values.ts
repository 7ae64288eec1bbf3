import { messageOf, SwarmError } from "@mswarm/runtime";
import { LocalFailure } from "../local-failure.ts";

/** The user typed something that cannot be meant: exit code 2, with a hint at --help. */
export class UsageError extends SwarmError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("INVALID_ARGUMENT", message, options);
  }
}

/**
 * Options of one command by attribute name (`limit-cpu` is `limitCpu`), read with a type. Values that cannot be parsed
 * become a UsageError that names the flag.
 */
export class OptionValues {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values;
  }

  /** The text of an option; undefined when it was not given. */
  text(name: string): string | undefined {
    const value = this.#values[name];
    return typeof value === "string" ? value : undefined;
  }

  /** True or false when the flag was given (`--flag`, `--flag=false`); undefined otherwise. */
  flag(name: string): boolean | undefined {
    const value = this.#values[name];
    return typeof value === "boolean" ? value : undefined;
  }

  /** Every value of a repeatable option. */
  list(name: string): readonly string[] {
    const value = this.#values[name];
    return Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];
  }

  /** An option through its parser; undefined when it was not given. Errors: UsageError. */
  parsed<R>(name: string, read: (text: string) => R): R | undefined {
    const text = this.text(name);
    return text === undefined ? undefined : this.#read(name, text, read);
  }

  /** A repeatable option through its parser. Errors: UsageError. */
  parsedList<R>(name: string, read: (text: string) => R): readonly R[] {
    return this.list(name).map((text) => this.#read(name, text, read));
  }

  /** What to add to a list: `--env` when creating, `--env-add` when updating. */
  added(name: string): readonly string[] {
    return [...this.list(name), ...this.list(`${name}Add`)];
  }

  /** As `added`, through a parser. Errors: UsageError. */
  parsedAdded<R>(name: string, read: (text: string) => R): readonly R[] {
    return [...this.parsedList(name, read), ...this.parsedList(`${name}Add`, read)];
  }

  /** What to take out of a list: `--env-rm`. */
  removed(name: string): readonly string[] {
    return this.list(`${name}Rm`);
  }

  #read<R>(name: string, text: string, read: (text: string) => R): R {
    try {
      return read(text);
    } catch (cause) {
      // What is not there yet is not a mistake of the user.
      if (cause instanceof LocalFailure) throw cause;
      throw new UsageError(
        `invalid argument ${JSON.stringify(text)} for "--${kebabCase(name)}" flag: ${messageOf(cause)}`,
        { cause },
      );
    }
  }
}

const kebabCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
