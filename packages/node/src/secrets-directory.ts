import { basename, dirname, join } from "node:path";

/**
 * The mount point of the tasks' secrets: beside a daemon's control socket and named after it, so that two daemons with
 * their sockets in one folder do not share it; outside the state directory, so that a backup of that one never holds a
 * secret.
 */
export const secretsDirectoryOf = (controlPath: string): string =>
  join(dirname(controlPath), `${basename(controlPath, ".sock")}-secrets`);
