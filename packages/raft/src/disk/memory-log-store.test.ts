import { describe } from "vitest";
import { logStoreContract } from "./log-store-contract.ts";
import { MemoryLogStore, memoryDisk } from "./memory-log-store.ts";

describe("MemoryLogStore", () => {
  logStoreContract(async () => {
    const disk = memoryDisk();
    return async () => new MemoryLogStore(disk);
  });
});
