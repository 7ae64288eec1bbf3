// What a template consists of. Each node can say what it looked like, for errors.

import { quote } from "./quoting.ts";

interface At {
  /** First byte, as Go counts it: of a chain of fields, that of the second. */
  readonly position: number;
}

export type Operand =
  | (At & { readonly kind: "dot" })
  | (At & { readonly kind: "nil" })
  | (At & { readonly kind: "bool"; readonly value: boolean })
  | (At & { readonly kind: "number"; readonly value: bigint | number; readonly source: string })
  | (At & { readonly kind: "string"; readonly value: string; readonly source: string })
  | (At & { readonly kind: "function"; readonly name: string })
  | (At & { readonly kind: "field"; readonly path: readonly string[] })
  | (At & { readonly kind: "variable"; readonly name: string; readonly path: readonly string[] })
  | (At & { readonly kind: "chain"; readonly of: Operand; readonly path: readonly string[] })
  | Pipeline;

export interface Command extends At {
  readonly operands: readonly [Operand, ...Operand[]];
}

export interface Pipeline extends At {
  readonly kind: "pipeline";
  /** Variables that take its value: one, or index and element of a `range`. */
  readonly variables: readonly string[];
  /** True for `=`, false for `:=`. */
  readonly isAssignment: boolean;
  readonly commands: readonly Command[];
}

export interface Branch extends At {
  readonly kind: "if" | "with" | "range";
  readonly pipeline: Pipeline;
  readonly body: readonly Statement[];
  readonly otherwise: readonly Statement[] | undefined;
}

export type Statement =
  | (At & { readonly kind: "text"; readonly text: string })
  | (At & { readonly kind: "action"; readonly pipeline: Pipeline })
  | (At & { readonly kind: "template"; readonly name: string; readonly pipeline: Pipeline | undefined })
  | (At & { readonly kind: "break" | "continue" })
  | Branch;

export interface Tree {
  readonly statements: readonly Statement[];
  /** Bodies of `define` and `block`, by name. */
  readonly definitions: ReadonlyMap<string, readonly Statement[]>;
}

/** As it was written, spaces apart. */
export function sourceOf(node: Operand | Command | (Statement & { readonly kind: "template" })): string {
  if (!("kind" in node)) return node.operands.map(operandSource).join(" ");
  if (node.kind === "template") {
    const argument = node.pipeline === undefined ? "" : ` ${pipelineSource(node.pipeline)}`;
    return `{{template ${quote(node.name)}${argument}}}`;
  }
  return node.kind === "pipeline" ? pipelineSource(node) : operandSource(node);
}

const operandSource = (operand: Operand): string =>
  operand.kind === "pipeline" ? `(${pipelineSource(operand)})` : plainSource(operand);

function plainSource(operand: Exclude<Operand, Pipeline>): string {
  switch (operand.kind) {
    case "dot":
      return ".";
    case "nil":
      return "nil";
    case "bool":
      return String(operand.value);
    case "number":
    case "string":
      return operand.source;
    case "function":
      return operand.name;
    case "field":
      return dotted(operand.path);
    case "variable":
      return operand.name + dotted(operand.path);
    case "chain":
      return operandSource(operand.of) + dotted(operand.path);
  }
}

const dotted = (path: readonly string[]): string => path.map((name) => `.${name}`).join("");

function pipelineSource({ variables, isAssignment, commands }: Pipeline): string {
  const declared = variables.length === 0 ? "" : `${variables.join(", ")} ${isAssignment ? "=" : ":="} `;
  return declared + commands.map(sourceOf).join(" | ");
}
