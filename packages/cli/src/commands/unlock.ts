// `unlock` and `unlock-key`: known to the parser, refused until managers can be locked.

import { addFlag, type CliCommand, withConnection } from "../cli-command.ts";
import type { CliContext } from "../cli-context.ts";
import { LocalFailure, notAvailable } from "../local-failure.ts";

export function addUnlock(parent: CliCommand, context: CliContext): void {
  const command = parent.command("unlock").description("Open a locked manager with the cluster's unlock key");
  command.action(async () => {
    await withConnection(command, context, async ({ daemon }) => {
      const { state } = await daemon.Status({});
      if (state !== "LOCKED") throw new LocalFailure("FAILED_PRECONDITION", "Error: swarm is not locked");
      const unlockKey = (await context.readInput()).toString("utf8").trim();
      await daemon.Unlock({ unlockKey });
    });
  });
}

export function addUnlockKey(parent: CliCommand): void {
  const command = parent.command("unlock-key").description("Show or replace the cluster's unlock key");
  addFlag(command, "--rotate", "Make a new key");
  addFlag(command, "-q, --quiet", "Only display the key");
  command.action(() => {
    throw notAvailable("locked managers (unlock-key) are not available yet");
  });
}
