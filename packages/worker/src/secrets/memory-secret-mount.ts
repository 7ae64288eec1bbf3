import { failedPrecondition } from "@mswarm/runtime";
import type { PlacedFile, SecretFile, SecretMount } from "./secret-mount.ts";

/** A secret mount for tests: keeps the files as objects and invents their paths. */
export class MemorySecretMount implements SecretMount {
  readonly files: Map<string, readonly SecretFile[]> = new Map();
  /** True: there is no memory, as for a daemon that may not mount. */
  isUnavailable = false;

  async place(taskId: string, files: readonly SecretFile[]): Promise<readonly PlacedFile[]> {
    if (this.isUnavailable) throw failedPrecondition("secrets cannot be kept in memory here");
    this.files.set(taskId, files);
    return files.map(({ target }, index) => ({ source: `/memory/${taskId}/${index}`, target }));
  }

  async holds(taskId: string): Promise<boolean> {
    return this.files.has(taskId);
  }

  async wipe(taskId: string): Promise<void> {
    this.files.delete(taskId);
  }

  async wipeAllBut(taskIds: ReadonlySet<string>): Promise<void> {
    for (const taskId of this.files.keys()) if (!taskIds.has(taskId)) this.files.delete(taskId);
  }

  async discard(): Promise<void> {
    this.files.clear();
  }
}
