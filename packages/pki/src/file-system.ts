// The disk as far as small files of state need it; a parameter, so that tests can fail every single step.
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

export interface FileSystem {
  /** The content; undefined when there is no such file. */
  read(path: string): Promise<Buffer | undefined>;
  /** Creates or replaces a file, not atomically, and returns when its content is on disk. */
  writeSynced(path: string, data: string, mode: number): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Makes renames and removals in this directory durable. */
  syncDirectory(path: string): Promise<void>;
  makeDirectory(path: string, mode: number): Promise<void>;
  /** Harmless when the file is absent. */
  remove(path: string): Promise<void>;
}

export function nodeFileSystem(): FileSystem {
  return {
    read: async (path) => {
      try {
        return await readFile(path);
      } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
        throw error;
      }
    },
    writeSynced: async (path, data, mode) => {
      const file = await open(path, "w", mode);
      try {
        // A leftover of a crash keeps its old mode otherwise, and the umask cuts the new one.
        await file.chmod(mode);
        await file.writeFile(data);
        await file.sync();
      } finally {
        await file.close();
      }
    },
    rename,
    syncDirectory: async (path) => {
      const directory = await open(path, "r");
      try {
        await directory.sync();
      } finally {
        await directory.close();
      }
    },
    makeDirectory: async (path, mode) => {
      await mkdir(path, { recursive: true, mode });
    },
    remove: async (path) => await rm(path, { force: true }),
  };
}

/** Where a file is written before it takes its place: a crash may leave it there, and the next write replaces it. */
export const temporaryOf = (path: string): string => join(dirname(path), `.tmp-${basename(path)}`);

/** Replaces a file so that a crash leaves either the old or the new content: write, sync, rename, sync directory. */
export async function writeAtomically(files: FileSystem, path: string, data: string, mode: number): Promise<void> {
  const temporary = temporaryOf(path);
  await files.writeSynced(temporary, data, mode);
  await files.rename(temporary, path);
  await files.syncDirectory(dirname(path));
}
