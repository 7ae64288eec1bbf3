// Where a task's secrets and configs become files without touching a disk. The engine binds the files into the
// container; nothing is ever copied into the container's own layer. DESIGN 7, rule 6.

/** One secret or config as a container shall see it. */
export interface SecretFile {
  /** Absolute path in the container. */
  readonly target: string;
  readonly data: Buffer;
  readonly uid: number;
  readonly gid: number;
  /** Permission bits. */
  readonly mode: number;
}

/** A written file: bind `source` (a path of this host) at `target`. */
export interface PlacedFile {
  readonly source: string;
  readonly target: string;
}

/** Memory of this node that looks like files. `TmpfsSecretMount` is the real one, `MemorySecretMount` the fake. */
export interface SecretMount {
  /**
   * Writes a task's files and replaces those it had.
   * FAILED_PRECONDITION: there is no memory to write to, and a disk is not written to instead.
   */
  place(taskId: string, files: readonly SecretFile[]): Promise<readonly PlacedFile[]>;
  /** True while the task's files are there: after a crash of the daemon, not after one of the machine. */
  holds(taskId: string): Promise<boolean>;
  /** Deletes a task's files; harmless when it has none. */
  wipe(taskId: string): Promise<void>;
  /** Deletes the files of all other tasks. */
  wipeAllBut(taskIds: ReadonlySet<string>): Promise<void>;
  /** Deletes everything and takes the memory itself away. */
  discard(): Promise<void>;
}
