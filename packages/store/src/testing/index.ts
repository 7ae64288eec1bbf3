// Proposers and stores for tests.
export { leadingStore } from "./leading-store.ts";
export { type HeldProposer, heldProposer, immediateProposer } from "./proposers.ts";
