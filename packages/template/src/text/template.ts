import { bytesOfText } from "./bytes.ts";
import { evaluate } from "./evaluator.ts";
import { builtins, type FunctionTable } from "./functions.ts";
import { parseTemplate } from "./parser.ts";
import type { Tree } from "./tree.ts";
import type { Value } from "./value.ts";

export interface TemplateOptions {
  /** As errors call the template. */
  readonly name: string;
  readonly functions?: FunctionTable;
  /** What a key that a map does not have is; "no value" where absent. */
  readonly missingKey?: "error" | "no value";
}

/** A template as Go's text/template reads it: the language of Go 1.19 without complex numbers and hexadecimal floats. */
export class Template {
  readonly #tree: Tree;
  readonly #text: string;
  readonly #options: TemplateOptions;

  /** Errors: TemplateError. */
  constructor(text: string | Buffer, options: TemplateOptions) {
    this.#text = typeof text === "string" ? bytesOfText(text) : text.toString("latin1");
    this.#options = options;
    const functions = new Set([...Object.keys(builtins), ...Object.keys(options.functions ?? {})]);
    this.#tree = parseTemplate(options.name, this.#text, functions);
  }

  /** Errors: TemplateError; also for what takes too many steps or becomes too long. */
  fill(data: Value): Buffer {
    const { name, functions = {}, missingKey = "no value" } = this.#options;
    return Buffer.from(evaluate(this.#tree, data, { name, text: this.#text, functions, missingKey }), "latin1");
  }
}
