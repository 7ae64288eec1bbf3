// Seeded twins of time and randomness, for simulations and tests.
export { SimulatedClock, settle } from "./clock.ts";
export { SeededRandom } from "./random.ts";
