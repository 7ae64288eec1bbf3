// The updates under way, for the replicated and the global orchestrator alike.
import type { Instant } from "@mswarm/runtime";
import type { Task } from "@mswarm/wire";
import { nothing, type Outcome } from "../loops/control-loop.ts";
import { serviceKey, updateKey } from "./loop-keys.ts";
import type { TaskMaker } from "./new-task.ts";
import { runIdOf, UpdateRun, type UpdateView } from "./update-run.ts";
import { completed, isPaused, isUnderWay } from "./update-status.ts";

export class ServiceUpdates {
  readonly #runs = new Map<string, UpdateRun>();

  /** True while events of the service's tasks matter to an update. */
  isRunning(serviceId: string): boolean {
    return this.#runs.has(serviceId);
  }

  /** A task of the service was written. True when that matters to an update. */
  taskChanged(serviceId: string, taskId: string): boolean {
    const run = this.#runs.get(serviceId);
    run?.taskChanged(taskId);
    return run !== undefined;
  }

  forget(serviceId: string): void {
    this.#runs.delete(serviceId);
  }

  /** Starts, replaces or ends the run of a service whose number of tasks is right. */
  planService(slots: ReadonlyMap<string, readonly Task[]>, view: UpdateView, now: Instant): Outcome {
    const serviceId = view.service.id ?? "";
    if (isPaused(view.service)) {
      this.#runs.delete(serviceId);
      return nothing;
    }
    if (this.#runs.get(serviceId)?.id === runIdOf(view.service)) return { changes: [], mark: [updateKey(serviceId)] };
    const run = UpdateRun.start(slots, view);
    if (run === undefined) {
      this.#runs.delete(serviceId);
      if (!isUnderWay(view.service)) return nothing;
      return { changes: [{ kind: "update-service", service: completed(view.service, now) }] };
    }
    this.#runs.set(serviceId, run);
    return { changes: [], mark: [updateKey(serviceId)] };
  }

  /** The next step of a service's run. */
  planStep(view: UpdateView, now: Instant, maker: TaskMaker): Outcome {
    const serviceId = view.service.id ?? "";
    const run = this.#runs.get(serviceId);
    if (run === undefined || run.id !== runIdOf(view.service) || isPaused(view.service)) return nothing;
    const step = run.plan(view, now, maker);
    return {
      changes: step.changes,
      lookAgainAt: step.lookAgainAt,
      mark: step.isOver ? [serviceKey(serviceId)] : step.hasMore ? [updateKey(serviceId)] : [],
      committed: () => {
        step.committed();
        if (step.isOver && this.#runs.get(serviceId) === run) this.#runs.delete(serviceId);
      },
    };
  }
}
