// Fakes of what surrounds a worker.
export { MemorySecretMount } from "../secrets/memory-secret-mount.ts";
export { MemoryTaskJournal } from "../tasks/memory-task-journal.ts";
export { FakeManager } from "./fake-manager.ts";
