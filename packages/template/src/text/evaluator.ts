// Fills a template in. Source: text/template/exec.go of Go 1.19; its sentences are kept. Bounded, because templates come
// from users and are filled in by daemons.
import { builtins, FunctionFailure, type FunctionTable, type TemplateFunction } from "./functions.ts";
import { quote } from "./quoting.ts";
import { TemplateError } from "./template-error.ts";
import { type Branch, type Command, type Operand, type Pipeline, type Statement, sourceOf, type Tree } from "./tree.ts";
import { GoMap, GoStruct, isList, printed, truth, typeOf, type Value } from "./value.ts";

export interface Surroundings {
  /** Names the template in errors. */
  readonly name: string;
  /** The template's text, a byte string. */
  readonly text: string;
  /** Besides the ones that every template has. */
  readonly functions: FunctionTable;
  /** What a key that a map does not have is: a mistake, or no value. */
  readonly missingKey: "error" | "no value";
}

/** Enough for any template that a person writes, and less than a tenth of a second of a manager's time. */
const stepsMax = 100_000;
const outputMax = 8 * 1024 * 1024;
const depthMax = 100;

/** What ends a loop early. */
type Flow = "next" | "break" | "continue";
interface Variable {
  readonly name: string;
  value: Value;
}
type Node = Operand | Command | (Statement & { readonly kind: "template" });

/** The filled-in text, a byte string. Errors: TemplateError. */
export function evaluate(tree: Tree, data: Value, surroundings: Surroundings): string {
  const evaluator = new Evaluator(tree, surroundings);
  return evaluator.run(data);
}

class Evaluator {
  readonly #tree: Tree;
  readonly #around: Surroundings;
  readonly #output: string[] = [];
  #variables: Variable[] = [];
  #length = 0;
  #steps = 0;
  #depth = 0;
  /** What is being evaluated, for errors: as in Go, the last operand that was looked at. */
  #node: Node | undefined;

  constructor(tree: Tree, around: Surroundings) {
    this.#tree = tree;
    this.#around = around;
  }

  run(data: Value): string {
    this.#variables = [{ name: "$", value: data }];
    this.#walk(this.#tree.statements, data);
    return this.#output.join("");
  }

  #walk(statements: readonly Statement[], dot: Value): Flow {
    const outer = this.#variables.length;
    for (const statement of statements) {
      const flow = this.#statement(statement, dot);
      if (flow !== "next") return flow;
    }
    this.#variables.length = outer;
    return "next";
  }

  #statement(statement: Statement, dot: Value): Flow {
    switch (statement.kind) {
      case "text":
        this.#write(statement.text);
        return "next";
      case "action": {
        const value = this.#pipeline(statement.pipeline, dot);
        if (statement.pipeline.variables.length === 0) this.#write(printed(value));
        return "next";
      }
      case "break":
      case "continue":
        return statement.kind;
      case "template":
        return this.#template(statement, dot);
      case "range":
        return this.#range(statement, dot);
      case "if":
      case "with":
        return this.#branch(statement, dot);
    }
  }

  #branch({ kind, pipeline, body, otherwise = [] }: Branch, dot: Value): Flow {
    const outer = this.#variables.length;
    const value = this.#pipeline(pipeline, dot);
    const flow = truth(value) ? this.#walk(body, kind === "with" ? value : dot) : this.#walk(otherwise, dot);
    this.#variables.length = outer;
    return flow;
  }

  #range({ pipeline, body, otherwise = [] }: Branch, dot: Value): Flow {
    const outer = this.#variables.length;
    const value = this.#pipeline(pipeline, dot);
    const inner = this.#variables.length;
    for (const [key, item] of this.#itemsOf(value)) {
      this.#variables.length = inner;
      this.#setLoopVariables(pipeline, key, item);
      const flow = this.#walk(body, item);
      if (flow === "break") break;
    }
    this.#variables.length = outer;
    return truth(value) ? "next" : this.#walk(otherwise, dot);
  }

  /** One variable is the element, of two the first is the key. */
  #setLoopVariables({ variables, isAssignment }: Pipeline, key: Value, item: Value): void {
    const last = variables.at(-1);
    if (last === undefined) return;
    const set = (name: string, value: Value, fromTop: number): void => {
      if (isAssignment) this.#assign(name, value);
      else {
        const found = this.#variables.at(-fromTop);
        if (found !== undefined) this.#variables[this.#variables.length - fromTop] = { name, value };
      }
    };
    set(last, item, 1);
    if (variables.length > 1) set(variables[0] ?? "", key, 2);
  }

  #itemsOf(value: Value): Iterable<readonly [Value, Value]> {
    if (isList(value)) return value.map((item, index) => [BigInt(index), item] as const);
    if (value instanceof GoMap) return value.sorted();
    if (value === undefined || value === null) return [];
    throw this.#error(`range can't iterate over ${printed(value)}`);
  }

  #template(statement: Statement & { readonly kind: "template" }, dot: Value): Flow {
    const { name, pipeline } = statement;
    this.#node = statement;
    const statements = this.#tree.definitions.get(name);
    if (statements === undefined) throw this.#error(`template ${quote(name)} not defined`);
    this.#depth += 1;
    if (this.#depth > depthMax) throw this.#error(`exceeded maximum template depth (${depthMax})`);
    const data = pipeline === undefined ? undefined : this.#pipeline(pipeline, dot);
    const outer = this.#variables;
    this.#variables = [{ name: "$", value: data }];
    this.#walk(statements, data);
    this.#variables = outer;
    this.#depth -= 1;
    return "next";
  }

  #pipeline(pipeline: Pipeline, dot: Value): Value {
    this.#look(pipeline);
    let value: Value;
    pipeline.commands.forEach((command, index) => {
      value = this.#command(command, dot, index === 0 ? none : { value });
    });
    for (const name of pipeline.variables) {
      if (pipeline.isAssignment) this.#assign(name, value);
      else this.#variables.push({ name, value });
    }
    return value;
  }

  #assign(name: string, value: Value): void {
    const found = this.#variables.findLast((variable) => variable.name === name);
    if (found === undefined) throw this.#error(`undefined variable: ${name}`);
    found.value = value;
  }

  #command(command: Command, dot: Value, final: Final): Value {
    const [first] = command.operands;
    if (first.kind !== "pipeline") this.#look(first);
    const hasArguments = command.operands.length > 1 || final !== none;
    switch (first.kind) {
      case "function":
        return this.#call(first.name, command, dot, final);
      case "field":
        return this.#fields(dot, first.path, hasArguments);
      case "chain":
        return this.#fields(this.#chained(first, dot), first.path, hasArguments);
      case "variable":
        if (first.path.length > 0) return this.#fields(this.#variable(first.name), first.path, hasArguments);
        this.#variable(first.name);
        break;
      case "nil":
        if (!hasArguments) throw this.#error("nil is not a command");
    }
    if (hasArguments) throw this.#error(`can't give argument to non-function ${sourceOf(first)}`);
    return this.#operand(first, dot);
  }

  #chained(chain: Operand & { readonly kind: "chain" }, dot: Value): Value {
    this.#look(chain);
    if (chain.of.kind === "nil") throw this.#error(`indirection through explicit nil in ${sourceOf(chain)}`);
    return this.#operand(chain.of, dot);
  }

  #operand(operand: Operand, dot: Value): Value {
    this.#look(operand);
    switch (operand.kind) {
      case "dot":
        return dot;
      case "nil":
        return null;
      case "bool":
      case "number":
      case "string":
        return operand.value;
      case "function":
        return this.#call(operand.name, { position: operand.position, operands: [operand] }, dot, none);
      case "field":
        return this.#fields(dot, operand.path, false);
      case "variable":
        return this.#fields(this.#variable(operand.name), operand.path, false);
      case "chain":
        return this.#fields(this.#chained(operand, dot), operand.path, false);
      case "pipeline":
        return this.#pipeline(operand, dot);
    }
  }

  #variable(name: string): Value {
    const found = this.#variables.findLast((variable) => variable.name === name);
    // The parser knows a variable from its declaration on, which may be its own first value.
    if (found === undefined) throw this.#error(`undefined variable: ${name}`);
    return found.value;
  }

  #fields(receiver: Value, path: readonly string[], hasArguments: boolean): Value {
    return path.reduce<Value>(
      (value, name, index) => this.#field(value, name, hasArguments && index === path.length - 1),
      receiver,
    );
  }

  #field(receiver: Value, name: string, hasArguments: boolean): Value {
    if (receiver === undefined) {
      if (this.#around.missingKey === "error") throw this.#error(`nil data; no entry for key "${name}"`);
      return undefined;
    }
    if (receiver === null) throw this.#error(`nil pointer evaluating interface {}.${name}`);
    if (receiver instanceof GoStruct && Object.hasOwn(receiver.fields, name)) {
      if (hasArguments) throw this.#error(`${name} has arguments but cannot be invoked as function`);
      return receiver.fields[name];
    }
    if (receiver instanceof GoMap) {
      if (hasArguments) throw this.#error(`${name} is not a method but has arguments`);
      if (receiver.entries.has(name)) return receiver.entries.get(name);
      if (this.#around.missingKey === "error") throw this.#error(`map has no entry for key "${name}"`);
      return undefined;
    }
    throw this.#error(`can't evaluate field ${name} in type ${typeOf(receiver)}`);
  }

  #call(name: string, command: Command, dot: Value, final: Final): Value {
    const own = this.#around.functions[name];
    const called = own ?? builtins[name];
    const [first, ...operands] = command.operands;
    if (called === undefined) throw this.#error(`"${name}" is not a defined function`);
    this.#look(first);
    this.#requireCount(name, called, operands.length + (final === none ? 0 : 1));
    if (own === undefined && (name === "and" || name === "or")) return this.#shortCut(name, operands, dot, final);
    const args = operands.map((operand, index) => this.#argument(called, index, operand, dot));
    if (final !== none) args.push(this.#fitting(final.value, parameterOf(called, operands.length)));
    try {
      return called.call(args);
    } catch (error) {
      if (!(error instanceof FunctionFailure)) throw error;
      this.#node = command;
      throw this.#error(`error calling ${name}: ${error.message}`);
    }
  }

  /** The value of the argument that decides; those behind it are not looked at. */
  #shortCut(name: "and" | "or", operands: readonly Operand[], dot: Value, final: Final): Value {
    let value: Value;
    for (const operand of operands) {
      value = this.#operand(operand, dot);
      if (truth(value) === (name === "or")) return value;
    }
    return final === none ? value : final.value;
  }

  #requireCount(name: string, { parameters, rest }: TemplateFunction, count: number): void {
    const least = parameters.length;
    if (rest !== undefined && count < least) {
      throw this.#error(`wrong number of args for ${name}: want at least ${least} got ${count}`);
    }
    if (rest === undefined && count !== least) {
      throw this.#error(`wrong number of args for ${name}: want ${least} got ${count}`);
    }
  }

  #argument(called: TemplateFunction, index: number, operand: Operand, dot: Value): Value {
    const type = parameterOf(called, index);
    if (type === "any") return this.#operand(operand, dot);
    const isLiteral = operand.kind === "bool" || operand.kind === "number" || operand.kind === "string";
    this.#look(operand);
    if (operand.kind === "nil") throw this.#error(`cannot assign nil to ${type}`);
    const value = this.#operand(operand, dot);
    if (isLiteral && typeOf(value) !== type) {
      throw this.#error(`expected ${type === "int" ? "integer" : type}; found ${sourceOf(operand)}`);
    }
    return this.#fitting(value, type);
  }

  #fitting(value: Value, type: "any" | "string" | "int"): Value {
    if (type === "any") return value;
    if (value === undefined || value === null) throw this.#error(`invalid value; expected ${type}`);
    if (typeOf(value) !== type) throw this.#error(`wrong type for value; expected ${type}; got ${typeOf(value)}`);
    return value;
  }

  #write(text: string): void {
    this.#length += text.length;
    if (this.#length > outputMax) throw this.#error(`the text becomes longer than ${outputMax} bytes`);
    this.#output.push(text);
  }

  #look(node: Node): void {
    this.#node = node;
    this.#steps += 1;
    if (this.#steps > stepsMax) throw this.#error(`it takes more than ${stepsMax} steps`);
  }

  #error(message: string): TemplateError {
    const { name, text } = this.#around;
    const node = this.#node;
    if (node === undefined) return new TemplateError(`template: ${name}: ${message}`);
    const before = text.slice(0, node.position);
    const line = before.split("\n").length;
    const column = node.position - (before.lastIndexOf("\n") + 1);
    const where = `${name}:${line}:${column}: executing ${quote(name)} at <${sourceOf(node)}>`;
    return new TemplateError(`template: ${where}: ${message}`);
  }
}

/** The value that a pipeline hands to its next command. */
type Final = typeof none | { readonly value: Value };
const none = "nothing" as const;

const parameterOf = ({ parameters, rest = "any" }: TemplateFunction, index: number): "any" | "string" | "int" =>
  parameters[index] ?? rest;
