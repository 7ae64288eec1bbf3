import { describe } from "vitest";
import { MemoryLogStore, memoryDisk } from "./memory-log-store.ts";
import { logStoreContract } from "./testing/log-store-contract.ts";

describe("MemoryLogStore", () => {
  logStoreContract(async () => {
    const disk = memoryDisk();
    return async () => new MemoryLogStore(disk);
  });
});
