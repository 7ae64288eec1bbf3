import { join } from "node:path";

/**
 * The mount point of the tasks' secrets below a daemon's runtime directory (that of its control socket): outside the state
 * directory, so that a backup of that one never holds a secret.
 */
export const secretsDirectoryIn = (runtimeDirectory: string): string => join(runtimeDirectory, "secrets");
