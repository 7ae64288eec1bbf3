// The managers this node knows, and their copy on disk for the next start.
import { type Logger, messageOf } from "@mswarm/runtime";
import type { WeightedPeer } from "@mswarm/wire";
import type { Remotes } from "@mswarm/worker";
import { Mutex } from "./mutex.ts";
import { saveRemotes } from "./settings.ts";

export class RememberedManagers {
  readonly remotes: Remotes;
  readonly #file: string;
  readonly #log: Logger;
  readonly #turns = new Mutex();
  #saved: string;

  /** @param remotes  as they were read from `file` */
  constructor(remotes: Remotes, file: string, log: Logger) {
    this.remotes = remotes;
    this.#file = file;
    this.#log = log;
    this.#saved = JSON.stringify(remotes.peers);
  }

  /** Follows what a manager says. Resolves when it is on disk; a disk that fails is reported and does not matter now. */
  async follow(managers: readonly WeightedPeer[]): Promise<void> {
    this.remotes.follow(managers);
    await this.#turns.run(() => this.#save());
  }

  async #save(): Promise<void> {
    const { peers } = this.remotes;
    const known = JSON.stringify(peers);
    if (known === this.#saved) return;
    try {
      await saveRemotes(this.#file, peers);
      this.#saved = known;
    } catch (error) {
      this.#log.warn({ reason: messageOf(error) }, "the known managers could not be saved");
    }
  }
}
