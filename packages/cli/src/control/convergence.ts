// Waiting until a service is as it was asked for. Source: docker/cli command/service/progress/progress.go.
import { durationOf, milliseconds, notFound, seconds } from "@mswarm/runtime";
import type { Service } from "@mswarm/wire";
import type { CliContext, Control } from "../cli-context.ts";
import { LocalFailure } from "../local-failure.ts";
import { ProgressDisplay, progressView } from "../output/progress-lines.ts";
import { isJob } from "../service-spec/mode.ts";
import { jobProgress } from "./job-progress.ts";
import { serviceProgress } from "./progress-state.ts";

const pollInterval = milliseconds(200);
const defaultMonitor = seconds(5);

interface Parts {
  readonly control: Control;
  readonly context: CliContext;
}

/**
 * Shows the progress of a service until it has been converged for its monitoring time. Ctrl-c ends the wait, not the work.
 *
 * @param options.isQuiet  waits without a word
 * Errors: LocalFailure when the update is paused; NOT_FOUND when the service goes away.
 */
export async function waitForService(
  serviceId: string,
  parts: Parts,
  options: { readonly isQuiet: boolean },
): Promise<void> {
  const { context } = parts;
  try {
    await watchService(serviceId, parts, options.isQuiet);
  } catch (error) {
    if (!context.signal.aborted) throw error;
    context.err("Operation continuing in background.\n");
  }
}

async function watchService(serviceId: string, { control, context }: Parts, isQuiet: boolean): Promise<void> {
  const { clock, isTerminal } = context;
  const display = new ProgressDisplay({ out: isQuiet ? () => undefined : (text) => context.out(text), isTerminal });
  let convergedAt: number | undefined;
  let rollbackNote: string | undefined;
  for (;;) {
    const { service } = await control.GetService({ serviceId, insertDefaults: true });
    if (service === undefined) throw notFound(`service ${serviceId} not found`);
    const phase = phaseOf(service);
    if (phase.failure !== undefined) throw new LocalFailure("FAILED_PRECONDITION", phase.failure);
    if (phase.isEnded && convergedAt === undefined) return;
    rollbackNote ??= phase.rollbackNote;
    const [{ tasks = [] }, { nodes = [] }] = await Promise.all([
      control.ListTasks({ filters: { serviceIds: [serviceId], upToDate: true } }),
      control.ListNodes({}),
    ]);
    const progress = (isJob(service.spec ?? {}) ? jobProgress : serviceProgress)(service, tasks, nodes);
    const notes = rollbackNote === undefined ? [] : [`rollback: ${rollbackNote}`];
    if (progress.active !== undefined) {
      if (progress.isConverged) notes.push("job complete");
      display.show(progressView(progress, phase.isRollback, notes));
      if (progress.isConverged) return;
      await clock.sleep(pollInterval, context.signal);
      continue;
    }
    const now = clock.monotonic();
    const left = progress.isConverged ? monitorOf(service) - (now - (convergedAt ?? now)) : undefined;
    if (left !== undefined) notes.push(verifyNote(service, left));
    else if (convergedAt !== undefined) notes.push("verify: Detected task failure");
    convergedAt = progress.isConverged ? (convergedAt ?? now) : undefined;
    display.show(progressView(progress, phase.isRollback, notes));
    if (left !== undefined && left <= 0) return;
    await clock.sleep(pollInterval, context.signal);
  }
}

const monitorOf = (service: Service): number => durationOf(service.spec?.update?.monitor, defaultMonitor);

function verifyNote(service: Service, left: number): string {
  if (left <= 0) return `verify: Service ${service.id ?? ""} converged`;
  return `verify: Waiting ${Math.ceil(left / 1_000)} seconds to verify that tasks are stable...`;
}

interface Phase {
  readonly isRollback: boolean;
  /** The updater has finished; what follows needs no waiting. */
  readonly isEnded: boolean;
  readonly rollbackNote?: string;
  readonly failure?: string;
}

function phaseOf(service: Service): Phase {
  const { state, message = "" } = service.updateStatus ?? {};
  switch (state) {
    case "PAUSED":
      return { isRollback: false, isEnded: true, failure: `service update paused: ${message}` };
    case "ROLLBACK_PAUSED":
      return { isRollback: true, isEnded: true, failure: `service rollback paused: ${message}` };
    case "ROLLBACK_STARTED":
      return { isRollback: true, isEnded: false, ...(message === "" ? {} : { rollbackNote: message }) };
    case "ROLLBACK_COMPLETED":
      return { isRollback: true, isEnded: true, ...(message === "" ? {} : { rollbackNote: message }) };
    case "COMPLETED":
      return { isRollback: false, isEnded: true };
    default:
      return { isRollback: false, isEnded: false };
  }
}
