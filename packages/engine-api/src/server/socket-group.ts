import { chown, readFile } from "node:fs/promises";
import { type Logger, messageOf } from "@mswarm/runtime";

/** Lets members of the group docker use the socket, as they may use Docker's, where there is such a group. */
export async function shareWithDockerGroup(path: string, log: Logger): Promise<void> {
  const group = await dockerGroup();
  if (group === undefined) return;
  try {
    await chown(path, process.getuid?.() ?? 0, group);
  } catch (error) {
    log.warn({ reason: messageOf(error) }, "the Engine API socket could not be given to the group docker");
  }
}

async function dockerGroup(): Promise<number | undefined> {
  const groups = await readFile("/etc/group", "utf8").catch(() => "");
  const id = /^docker:[^:]*:(?<id>[0-9]+):/m.exec(groups)?.groups?.["id"];
  return id === undefined ? undefined : Number(id);
}
