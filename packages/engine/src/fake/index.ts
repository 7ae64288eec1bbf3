// A container engine in memory, for tests.
export { FakeContainer } from "./fake-container.ts";
export { FakeEngine, type FakeEngineOptions } from "./fake-engine.ts";
export { type EngineOperation, FakeFaults } from "./fake-faults.ts";
