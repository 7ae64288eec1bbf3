// `mswarm explain` for people: what waits, what each node says, what would help.
import type { mswarm } from "@mswarm/wire";
import { formatTable } from "./table.ts";

type TaskExplanation = mswarm.TaskExplanation;
type NodeExplanation = mswarm.NodeExplanation;

/** Names of tasks that are shown before "and n more". */
const namesMax = 5;
/** Nodes that are shown; the rest lacks more than these. */
const nodesMax = 20;

export function explanationText({ summary = "", tasks = [] }: mswarm.ExplainResponse): string {
  const head = summary === "" ? [] : [`${sentence(summary)}\n`];
  return [...head, ...tasks.map(taskText)].join("\n");
}

/** The same for programs: every verdict with its outcome, also the one that is zero on the wire. */
export function explanationJson({ summary = "", tasks = [] }: mswarm.ExplainResponse): string {
  const withOutcomes = (node: NodeExplanation): NodeExplanation => ({
    ...node,
    verdicts: (node.verdicts ?? []).map((verdict) => ({ ...verdict, outcome: verdict.outcome ?? "NOT_ASKED" })),
  });
  const complete = tasks.map((task) => ({ ...task, nodes: (task.nodes ?? []).map(withOutcomes) }));
  return `${JSON.stringify({ summary, tasks: complete }, undefined, 2)}\n`;
}

function taskText(task: TaskExplanation): string {
  const { state = "", desiredState = "", reason = "", nodes = [], remedies = [] } = task;
  const lines = [`${namesText(task.names ?? [])}: ${state} (wanted: ${desiredState})\n  ${sentence(reason)}\n`];
  if (nodes.length > 0) lines.push(indented(nodeTable(nodes)), indented(reasons(nodes)));
  if (remedies.length > 0) lines.push(`  What would help:\n${remedies.map((remedy) => `    - ${remedy}\n`).join("")}`);
  return lines.join("");
}

function namesText(names: readonly string[]): string {
  const more = names.length - namesMax;
  return `${names.slice(0, namesMax).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

const words = { PASSED: "yes", REFUSED: "NO", NOT_ASKED: "-" } as const;

function nodeTable(nodes: readonly NodeExplanation[]): string {
  const [first] = nodes;
  const header = ["NODE", ...(first?.verdicts ?? []).map(({ filter = "" }) => filter.toUpperCase())];
  const rows = nodes
    .slice(0, nodesMax)
    .map(({ hostname = "", verdicts = [] }) => [
      hostname,
      ...verdicts.map(({ outcome = "NOT_ASKED" }) => words[outcome]),
    ]);
  return formatTable([header, ...rows]);
}

function reasons(nodes: readonly NodeExplanation[]): string {
  const lines = nodes.slice(0, nodesMax).map(({ hostname = "", verdicts = [] }) => {
    const refusals = verdicts.filter(({ outcome }) => outcome === "REFUSED").map(({ reason = "" }) => reason);
    return refusals.length === 0 ? `${hostname}: takes it\n` : `${hostname}: ${refusals.join("; ")}\n`;
  });
  const more = nodes.length - nodesMax;
  return [...lines, ...(more > 0 ? [`and ${more} more nodes that lack as much\n`] : [])].join("");
}

const indented = (text: string): string =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => `  ${line.trimEnd()}\n`)
    .join("");

const sentence = (text: string): string => (text === "" ? "" : text.charAt(0).toUpperCase() + text.slice(1));
