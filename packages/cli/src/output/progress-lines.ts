// What a user sees while a service converges: lines that are redrawn on a terminal, and only what changed elsewhere.
import type { ServiceProgress, SlotProgress } from "../control/progress-state.ts";

const barLength = 50;
/** Docker shows single slots only while they fit a screen. */
const slotsMax = 20;

export interface ProgressView {
  /** `overall progress: 1 out of 3 tasks`. */
  readonly overall: string;
  /** A line for each slot or node. */
  readonly slots: readonly string[];
  /** What is said besides: `rollback: …`, `verify: …`. */
  readonly notes: readonly string[];
}

export function progressView(progress: ServiceProgress, isRollback: boolean, notes: readonly string[]): ProgressView {
  if (progress.active !== undefined) return jobView(progress, progress.active, notes);
  const what = isRollback ? "rolling back update: " : "";
  const overall = `overall progress: ${what}${progress.done} out of ${progress.total} tasks`;
  return { overall, slots: progress.slots.length > slotsMax ? [] : progress.slots.map(slotLine), notes };
}

/** A job counts what is done and what is at work. Source: docker/cli progress.go, replicatedJobProgressUpdater. */
function jobView(
  { done, total, slots }: ServiceProgress,
  active: NonNullable<ServiceProgress["active"]>,
  notes: readonly string[],
): ProgressView {
  return {
    overall: `job progress: ${done} out of ${total} complete`,
    slots: [
      `active tasks: ${active.count} out of ${active.limit} tasks`,
      ...(slots.length > slotsMax ? [] : slots.map(slotLine)),
    ],
    notes,
  };
}

function slotLine({ label, state, stage }: SlotProgress): string {
  if (state === "") return `${label}:  `;
  if (stage === undefined) return `${label}: ${state}`;
  const filled = Math.round((stage / 9) * barLength);
  const bar = filled === barLength ? "=".repeat(barLength) : `${"=".repeat(Math.max(0, filled - 1))}>`;
  return `${label}: ${state.padEnd(9)} [${bar.padEnd(barLength)}] `;
}

/** Shows one view after the other. */
export class ProgressDisplay {
  readonly #out: (text: string) => void;
  readonly #isTerminal: boolean;
  #shown: ProgressView | undefined;

  constructor(options: { readonly out: (text: string) => void; readonly isTerminal: boolean }) {
    this.#out = options.out;
    this.#isTerminal = options.isTerminal;
  }

  /** On a terminal a view takes the place of the last one; elsewhere only the lines that are new are printed. */
  show(view: ProgressView): void {
    if (this.#isTerminal) this.#redraw(linesOf(view));
    else this.#append(view);
    this.#shown = view;
  }

  #redraw(lines: readonly string[]): void {
    const before = this.#shown === undefined ? 0 : linesOf(this.#shown).length;
    const up = before === 0 ? "" : `\u001b[${before}A`;
    // Without the last sequence the end of a longer view would stay.
    this.#out(`${up}${lines.map((line) => `\u001b[2K${line}\n`).join("")}\u001b[J`);
  }

  #append(view: ProgressView): void {
    const shown = this.#shown;
    // Slots are printed once, at the beginning, as docker does where lines cannot be redrawn.
    const lines = shown === undefined ? linesOf(view) : [view.overall, ...view.notes];
    const old = shown === undefined ? [] : linesOf(shown);
    for (const line of lines) if (!old.includes(line)) this.#out(`${line}\n`);
  }
}

const linesOf = (view: ProgressView): readonly string[] => [view.overall, ...view.slots, ...view.notes];
