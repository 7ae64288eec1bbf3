// From tokens to a tree. Source: text/template/parse/parse.go of Go 1.19; its sentences are kept.
import { type Token, type TokenKind, tokensOf } from "./lexer.ts";
import { numberOf } from "./number-literal.ts";
import { quote, unquote } from "./quoting.ts";
import { TemplateError } from "./template-error.ts";
import { type Branch, type Command, type Operand, type Pipeline, type Statement, sourceOf, type Tree } from "./tree.ts";

/** Deeper nesting than a person writes. */
const depthMax = 100;

/**
 * Reads a template. Errors: TemplateError.
 *
 * @param name       names the template in errors
 * @param functions  names of the functions there are
 */
export function parseTemplate(name: string, text: string, functions: ReadonlySet<string>): Tree {
  return new Parser(name, text, functions).parse();
}

type Ending = "end" | "else" | "end of text";

class Parser {
  readonly #name: string;
  readonly #functions: ReadonlySet<string>;
  readonly #tokens: readonly Token[];
  readonly #definitions = new Map<string, readonly Statement[]>();
  #next = 0;
  #variables = ["$"];
  #rangeDepth = 0;
  #depth = 0;

  constructor(name: string, text: string, functions: ReadonlySet<string>) {
    this.#name = name;
    this.#functions = functions;
    this.#tokens = tokensOf(text);
  }

  parse(): Tree {
    const { statements, ending } = this.#statements(true);
    if (ending !== "end of text") throw this.#error(`unexpected {{${ending}}}`);
    return { statements, definitions: this.#definitions };
  }

  #statements(isTop: boolean): { readonly statements: readonly Statement[]; readonly ending: Ending } {
    this.#depth += 1;
    if (this.#depth > depthMax) throw this.#error("nested too deeply");
    const statements: Statement[] = [];
    for (;;) {
      const token = this.#takeSpaced();
      if (token.kind === "end") {
        if (!isTop) throw this.#error("unexpected EOF");
        return this.#ended(statements, "end of text");
      }
      if (token.kind === "text") statements.push({ kind: "text", position: token.position, text: token.text });
      else if (token.kind === "left delimiter") {
        const statement = this.#action(isTop);
        if (statement === "end" || statement === "else") return this.#ended(statements, statement);
        if (statement !== undefined) statements.push(statement);
      } else throw this.#unexpected(token, "input");
    }
  }

  #ended(statements: readonly Statement[], ending: Ending) {
    this.#depth -= 1;
    return { statements, ending };
  }

  #action(isTop: boolean): Statement | "end" | "else" | undefined {
    const token = this.#peekUnspaced();
    const { position } = token;
    if (token.kind !== "keyword")
      return { kind: "action", position, pipeline: this.#pipeline("command", "right delimiter") };
    this.#takeUnspaced();
    switch (token.text) {
      case "if":
      case "with":
      case "range":
        return this.#branch(token.text);
      case "else":
        // `else if` is one more level, which its one `end` closes.
        if (this.#isElseIf()) return "else";
        this.#expect("right delimiter", "else");
        return "else";
      case "end":
        this.#expect("right delimiter", "end");
        return "end";
      case "break":
      case "continue":
        this.#expect("right delimiter", `{{${token.text}}}`);
        if (this.#rangeDepth === 0) throw this.#error(`{{${token.text}}} outside {{range}}`);
        return { kind: token.text, position };
      case "template":
        return this.#template();
      case "block":
        return this.#block();
    }
    if (!isTop) throw this.#unexpected(token, "command");
    this.#define();
    return undefined;
  }

  #isElseIf(): boolean {
    const token = this.#peekUnspaced();
    return token.kind === "keyword" && token.text === "if";
  }

  #branch(kind: Branch["kind"]): Branch {
    const outer = this.#variables.length;
    const pipeline = this.#pipeline(kind, "right delimiter");
    if (kind === "range") this.#rangeDepth += 1;
    const { statements: body, ending } = this.#statements(false);
    if (kind === "range") this.#rangeDepth -= 1;
    const otherwise = ending === "else" ? this.#otherwise(kind) : undefined;
    this.#variables.length = outer;
    return { kind, position: pipeline.position, pipeline, body, otherwise };
  }

  #otherwise(kind: Branch["kind"]): readonly Statement[] {
    if (kind === "if" && this.#isElseIf()) {
      this.#takeUnspaced();
      return [this.#branch("if")];
    }
    const { statements, ending } = this.#statements(false);
    if (ending !== "end") throw this.#error(`expected end; found {{${ending}}}`);
    return statements;
  }

  #template(): Statement {
    const { position, name } = this.#templateName("template clause");
    const isBare = this.#peekUnspaced().kind === "right delimiter";
    if (isBare) this.#takeUnspaced();
    const pipeline = isBare ? undefined : this.#pipeline("template clause", "right delimiter");
    return { kind: "template", position, name, pipeline };
  }

  #block(): Statement {
    const { position, name } = this.#templateName("block clause");
    const pipeline = this.#pipeline("block clause", "right delimiter");
    this.#definition(name, "block clause");
    return { kind: "template", position, name, pipeline };
  }

  #define(): void {
    const { name } = this.#templateName("define clause");
    this.#expect("right delimiter", "define clause");
    this.#definition(name, "define clause");
  }

  #definition(name: string, context: string): void {
    // Variables and loops around a definition are not those inside it.
    const [variables, rangeDepth] = [this.#variables, this.#rangeDepth];
    this.#variables = ["$"];
    this.#rangeDepth = 0;
    const { statements, ending } = this.#statements(false);
    if (ending !== "end") throw this.#error(`unexpected {{${ending}}} in ${context}`);
    this.#variables = variables;
    this.#rangeDepth = rangeDepth;
    if (this.#definitions.has(name)) throw this.#error(`template: multiple definition of template "${name}"`);
    this.#definitions.set(name, statements);
  }

  #templateName(context: string): { readonly position: number; readonly name: string } {
    const token = this.#takeUnspaced();
    if (token.kind !== "string" && token.kind !== "raw string") throw this.#unexpected(token, context);
    return { position: token.position, name: this.#stringOf(token) };
  }

  #pipeline(context: string, end: TokenKind): Pipeline {
    const { position } = this.#peekUnspaced();
    const { variables, isAssignment } = this.#declarations(context);
    const commands: Command[] = [];
    for (;;) {
      const token = this.#takeUnspaced();
      if (token.kind === end) break;
      if (!startsOperand.has(token.kind)) throw this.#unexpected(token, context);
      this.#next -= 1;
      commands.push(this.#command());
    }
    if (commands.length === 0) throw this.#error(`missing value for ${context}`);
    const wrong = commands.findIndex((command, index) => index > 0 && isLiteral(command.operands[0]));
    if (wrong > 0) throw this.#error(`non executable command in pipeline stage ${wrong + 1}`);
    // They are known only behind the pipeline that gives them a value.
    return { kind: "pipeline", position, variables, isAssignment, commands };
  }

  #declarations(context: string): { readonly variables: readonly string[]; readonly isAssignment: boolean } {
    const variables: string[] = [];
    for (;;) {
      const start = this.#next;
      const token = this.#peekUnspaced();
      if (token.kind !== "variable") return { variables, isAssignment: false };
      this.#takeUnspaced();
      const operator = this.#takeUnspaced();
      if (operator.kind === "assign" || operator.kind === "declare") {
        const isAssignment = operator.kind === "assign";
        variables.push(token.text);
        this.#variables.push(token.text);
        return { variables, isAssignment };
      }
      if (operator.kind === "punctuation" && operator.text === ",") {
        variables.push(token.text);
        this.#variables.push(token.text);
        if (context !== "range" || variables.length > 1) throw this.#error(`too many declarations in ${context}`);
        if (!["variable", "right delimiter", "right paren"].includes(this.#peekUnspaced().kind)) {
          throw this.#error("range can only initialize variables");
        }
        continue;
      }
      this.#next = start;
      return { variables, isAssignment: false };
    }
  }

  #command(): Command {
    const { position } = this.#peekUnspaced();
    const operands: Operand[] = [];
    for (;;) {
      const operand = this.#operand();
      if (operand !== undefined) operands.push(operand);
      const token = this.#take();
      if (token.kind === "space") continue;
      if (token.kind === "right delimiter" || token.kind === "right paren") this.#next -= 1;
      else if (token.kind !== "pipe") throw this.#unexpected(token, "operand");
      break;
    }
    const [first, ...more] = operands;
    if (first === undefined) throw this.#error("empty command");
    return { position, operands: [first, ...more] };
  }

  #operand(): Operand | undefined {
    const term = this.#term();
    const next = this.#peek();
    if (term === undefined || next.kind !== "field") return term;
    const path: string[] = [];
    while (this.#peek().kind === "field") path.push(this.#take().text.slice(1));
    const { position } = next;
    if (term.kind === "field") return { kind: "field", position, path: [...term.path, ...path] };
    if (term.kind === "variable") return { kind: "variable", position, name: term.name, path };
    if (isLiteral(term)) throw this.#error(`unexpected . after term ${quote(sourceOf(term))}`);
    return { kind: "chain", position, of: term, path };
  }

  #term(): Operand | undefined {
    const token = this.#takeUnspaced();
    const { position, text } = token;
    switch (token.kind) {
      case "identifier":
        if (!this.#functions.has(text)) throw this.#error(`function ${quote(text)} not defined`);
        return { kind: "function", position, name: text };
      case "dot":
      case "nil":
        return { kind: token.kind, position };
      case "variable":
        if (!this.#variables.includes(text)) throw this.#error(`undefined variable ${quote(text)}`);
        return { kind: "variable", position, name: text, path: [] };
      case "field":
        return { kind: "field", position, path: [text.slice(1)] };
      case "bool":
        return { kind: "bool", position, value: text === "true" };
      case "character":
      case "number":
        return { kind: "number", position, value: this.#number(text), source: text };
      case "left paren":
        return this.#parenthesized();
      case "string":
      case "raw string":
        return { kind: "string", position, value: this.#stringOf(token), source: text };
      default:
        this.#next -= 1;
        return undefined;
    }
  }

  #parenthesized(): Pipeline {
    this.#depth += 1;
    if (this.#depth > depthMax) throw this.#error("nested too deeply");
    const pipeline = this.#pipeline("parenthesized pipeline", "right paren");
    this.#depth -= 1;
    return pipeline;
  }

  #number(text: string): bigint | number {
    const value = numberOf(text);
    if (typeof value === "object") throw this.#error(value.failure);
    return value;
  }

  #stringOf({ kind, text }: Token): string {
    if (kind === "raw string") return text.slice(1, -1);
    const value = unquote(text);
    if (value === undefined) throw this.#error("invalid syntax");
    return value;
  }

  #peek(): Token {
    return this.#tokens[Math.min(this.#next, this.#tokens.length - 1)] ?? lost;
  }

  #take(): Token {
    const token = this.#peek();
    this.#next += 1;
    return token;
  }

  /** Between actions there are no spaces apart from text. */
  #takeSpaced(): Token {
    return this.#take();
  }

  #peekUnspaced(): Token {
    while (this.#peek().kind === "space") this.#next += 1;
    return this.#peek();
  }

  #takeUnspaced(): Token {
    this.#peekUnspaced();
    return this.#take();
  }

  #expect(kind: TokenKind, context: string): void {
    const token = this.#takeUnspaced();
    if (token.kind !== kind) throw this.#unexpected(token, context);
  }

  #unexpected(token: Token, context: string): TemplateError {
    if (token.kind === "error") return this.#error(token.text);
    return this.#error(`unexpected ${shown(token)} in ${context}`);
  }

  #error(message: string): TemplateError {
    const { line } = this.#tokens[Math.max(0, Math.min(this.#next, this.#tokens.length) - 1)] ?? lost;
    return new TemplateError(`template: ${this.#name}:${line}: ${message}`);
  }
}

const isLiteral = ({ kind }: Operand): boolean => ["bool", "dot", "nil", "number", "string"].includes(kind);

const lost: Token = { kind: "end", text: "", position: 0, line: 1 };

const startsOperand: ReadonlySet<TokenKind> = new Set([
  "bool",
  "character",
  "dot",
  "field",
  "identifier",
  "left paren",
  "nil",
  "number",
  "raw string",
  "string",
  "variable",
]);

function shown({ kind, text }: Token): string {
  if (kind === "end") return "EOF";
  if (kind === "keyword" || kind === "dot" || kind === "nil") return `<${text}>`;
  return text.length > 10 ? `${quote(text.slice(0, 10))}...` : quote(text);
}
