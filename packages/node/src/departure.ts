// How a node takes itself out of what the managers know of it: the Raft group that counts its vote, a join that failed.
import { type Manager, withdrawFromRaft } from "@mswarm/manager";
import {
  type Clock,
  type Logger,
  messageOf,
  milliseconds,
  seconds,
  throwIfAborted,
  unavailable,
} from "@mswarm/runtime";
import type { Credentials } from "./credentials.ts";
import { managerChannel, otherManagers } from "./manager-connections.ts";
import type { RememberedManagers } from "./remembered-managers.ts";
import type { NodeSettings } from "./settings.ts";
import { within } from "./time-limit.ts";

export interface DepartureParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly credentials: Credentials;
  readonly settings: NodeSettings;
  readonly known: RememberedManagers;
}

/** For asking all the managers. */
const askLimit = seconds(5);
/** An election may be under way. */
const rounds = 3;
const pause = milliseconds(100);

export class Departure {
  readonly #parts: DepartureParts;
  #askedAs: string | undefined;

  constructor(parts: DepartureParts) {
    this.#parts = parts;
  }

  /** @param raftId  that this node has asked to be admitted under: from now on the group may count its vote */
  admissionAsked(raftId: string): void {
    this.#askedAs = raftId;
  }

  /** Before a member stops for good: one that is simply gone would be missed in every quorum from then on. */
  async leaveRaft({ raft }: Manager): Promise<void> {
    const { log } = this.#parts;
    if (raft.members().length < 2) return;
    if (raft.leadership.isLeader) {
      await raft.transferLeadership().catch((error: unknown) => {
        log.info({ reason: messageOf(error) }, "leadership was not handed over");
      });
    }
    this.#askedAs = raft.self.raftId;
    if (await this.withdraw()) log.info({}, "this manager has left the cluster's Raft group");
  }

  /**
   * Makes sure that the cluster's managers do not count on this node as one of them. False when that is not certain;
   * then it has to go on, or they may wait for its vote for ever.
   */
  async withdraw(): Promise<boolean> {
    const { credentials, clock, log } = this.#parts;
    const raftId = this.#askedAs;
    if (raftId === undefined) return true;
    // A follower may not pass on what a member says (DESIGN 7, rule 2): everyone is asked until the leader is among them.
    const addresses = this.#otherManagers();
    let reason = "no other manager is known";
    const ask = async (signal: AbortSignal): Promise<boolean> => {
      for (let turn = 0; turn < addresses.length * rounds; turn += 1) {
        try {
          const address = addresses[turn % addresses.length] ?? "";
          await withdrawFromRaft(raftId, () => managerChannel(address, credentials, clock), signal);
          return true;
        } catch (error) {
          throwIfAborted(signal);
          reason = messageOf(error);
          await clock.sleep(pause, signal);
        }
      }
      return false;
    };
    try {
      if (await this.#inTime(ask)) return true;
    } catch (error) {
      reason = `${messageOf(error)}; ${reason}`;
    }
    log.warn({ reason }, "this manager could not be taken out of the cluster's Raft group");
    return false;
  }

  /** Before this node forgets a join that failed: the cluster is to forget it too. What cannot be told, it finds in a day. */
  async retractJoin(): Promise<void> {
    const { credentials, clock, log } = this.#parts;
    const ask = async (signal: AbortSignal): Promise<void> => {
      let reason: unknown = unavailable("no other manager is known");
      for (const address of this.#otherManagers()) {
        const channel = managerChannel(address, credentials, clock);
        try {
          await channel.client("mswarm.v1.Peer").RetractJoin({}, { signal });
          return;
        } catch (error) {
          throwIfAborted(signal);
          reason = error;
        } finally {
          channel.close();
        }
      }
      throw reason;
    };
    await this.#inTime(ask).catch((error: unknown) => {
      log.info({ reason: messageOf(error) }, "the join could not be taken back; the cluster forgets it in a day");
    });
  }

  #otherManagers(): readonly string[] {
    const { known, credentials, settings } = this.#parts;
    return otherManagers(known.remotes, credentials, settings.advertiseAddress);
  }

  #inTime<T>(ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const bound = { clock: this.#parts.clock, complaint: "no manager has answered in time" };
    return within(askLimit, bound, ask, new AbortController().signal);
  }
}
