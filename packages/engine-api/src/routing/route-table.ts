// From a method and a path to the route that answers.
import type { Handler, Route } from "./route.ts";

export interface FoundRoute {
  readonly handler: Handler;
  readonly parameters: Readonly<Record<string, string>>;
}

interface CompiledRoute {
  readonly method: string;
  readonly handler: Handler;
  readonly parts: readonly { readonly isParameter: boolean; readonly text: string }[];
}

/** First segments whose paths are never the engine's. */
const swarmFamilies: ReadonlySet<string> = new Set(["swarm", "nodes", "services", "tasks", "secrets", "configs"]);

export class RouteTable {
  readonly #byShape = new Map<string, CompiledRoute[]>();

  constructor(routes: readonly Route[]) {
    for (const { method, pattern, handler } of routes) {
      const parts = pattern
        .slice(1)
        .split("/")
        .map((part) => {
          const name = /^\{(?<name>[a-zA-Z]+)\}$/.exec(part)?.groups?.["name"];
          return { isParameter: name !== undefined, text: name ?? part };
        });
      const shape = shapeOf(method, parts[0]?.text ?? "", parts.length);
      const same = this.#byShape.get(shape) ?? [];
      same.push({ method, handler, parts });
      // Spelled-out segments win.
      same.sort((a, b) => parameterCount(a) - parameterCount(b));
      this.#byShape.set(shape, same);
    }
  }

  /** Undefined when no entry fits. */
  find(method: string, segments: readonly string[]): FoundRoute | undefined {
    for (const route of this.#byShape.get(shapeOf(method, segments[0] ?? "", segments.length)) ?? []) {
      const parameters = matchParts(route, segments);
      if (parameters !== undefined) return { handler: route.handler, parameters };
    }
    return undefined;
  }
}

/** True for paths that the engine must never see, whether a route answers them or not. */
export const isSwarmPath = (segments: readonly string[]): boolean => swarmFamilies.has(segments[0] ?? "");

const shapeOf = (method: string, first: string, length: number): string => `${method} ${length} ${first}`;
const parameterCount = ({ parts }: CompiledRoute): number => parts.filter(({ isParameter }) => isParameter).length;

function matchParts(route: CompiledRoute, segments: readonly string[]): Record<string, string> | undefined {
  const parameters: Record<string, string> = {};
  for (const [index, { isParameter, text }] of route.parts.entries()) {
    const segment = segments[index] ?? "";
    if (isParameter && segment !== "") parameters[text] = segment;
    else if (isParameter || segment !== text) return undefined;
  }
  return parameters;
}
