// What happens to committed entries: normal ones go to the state machine, changes of membership to the core, the member
// list and the transport.
import type { Logger } from "@mswarm/runtime";
import type { ConfChange, Entry, RaftId, Snapshot } from "../core/messages.ts";
import type { RaftCore } from "../core/raft-core.ts";
import { decodeConfChange } from "./conf-change-codec.ts";
import type { MemberList } from "./member-list.ts";
import type { StateMachine } from "./state-machine.ts";
import type { Transport } from "./transport.ts";

export interface LogApplicationParts {
  readonly core: RaftCore;
  readonly list: MemberList;
  readonly self: RaftId;
  readonly stateMachine: StateMachine;
  readonly transport: Transport;
  readonly log: Logger;
  readonly onRemoved: () => void;
}

export class LogApplication {
  readonly #parts: LogApplicationParts;

  constructor(parts: LogApplicationParts) {
    this.#parts = parts;
  }

  /** Replaces state and members by those of a snapshot. */
  restore(snapshot: Snapshot): void {
    const { stateMachine, list, self, onRemoved } = this.#parts;
    list.replace(stateMachine.restore(snapshot.data));
    this.#membersChanged();
    if (list.isRemoved(self)) onRemoved();
  }

  /** Errors: DATA_LOSS for a change of membership that cannot be read; those of the state machine. */
  apply(entries: readonly Entry[]): void {
    let run: Entry[] = [];
    const flush = (): void => {
      if (run.length > 0) this.#parts.stateMachine.apply(run);
      run = [];
    };
    for (const entry of entries) {
      if (entry.type === "conf-change") {
        flush();
        this.#applyConfChange(decodeConfChange(entry));
      } else if (entry.data !== undefined) {
        run.push(entry);
      }
    }
    flush();
  }

  #applyConfChange(change: ConfChange): void {
    const { core, list, log, self, onRemoved } = this.#parts;
    core.applyConfChange(change);
    list.apply(change);
    this.#membersChanged();
    log.info({ change: change.type, raftId: change.raftId }, "raft membership changed");
    if (change.type === "remove" && change.raftId === self) onRemoved();
  }

  #membersChanged(): void {
    this.#parts.transport.setMembers(this.#parts.list.all());
  }
}
