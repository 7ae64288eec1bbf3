// Thousands of bad requests to the swarm routes: no crash, no hang, no 500 that Docker would not give, memory flat.
// More of them: ./scripts/fuzz-face COUNT; MSWARM_SEED=… makes the same ones again.
import { cryptoRandom, seconds, systemClock } from "@mswarm/runtime";
import { SeededRandom } from "@mswarm/runtime/simulated";
import { afterAll, expect, test } from "vitest";
import { TestDaemons } from "../integration/node-daemon.ts";
import { askOverUnix } from "../support/http-over-unix.ts";
import { anyRequest } from "./face-fuzz.ts";

const daemons = new TestDaemons();
afterAll(() => daemons.dispose());

const count = Number(process.env["MSWARM_FUZZ_REQUESTS"] ?? 1_500);
const seed = Number(process.env["MSWARM_SEED"] ?? cryptoRandom().below(2 ** 31));
const clock = systemClock();

/** What Docker itself answers with 500, by its words. */
const dockersOwn = new RegExp(
  [
    ...[
      "^rpc error: code = Unknown desc = ",
      "^network .* not found$",
      "^Invalid [a-z-]+ filter: ",
      "^unrecognized rollback option ",
    ],
    ...[
      "^unsupported registryAuthFrom value$",
      "^Bad parameters: you must choose",
      "^negative tail values",
      "^tail value must be",
    ],
    ...[
      "^could not parse since timestamp: ",
      "^runtime type ",
      "^service does not have a previous spec$",
      "^invalid join token$",
    ],
    "^logs only supported on container tasks$",
  ].join("|"),
);

test(`${count} requests of seed ${seed}`, { timeout: 60_000 + count * 50 }, async () => {
  const daemon = await daemons.running();
  await daemon.serveFace();
  await daemon.init();
  const random = new SeededRandom(seed);
  const heap: number[] = [];
  for (let number = 0; number < count; number += 1) {
    const question = anyRequest(random);
    const told = `request ${number} of seed ${seed}: ${question.method} ${question.path.slice(0, 300)}`;
    const start = clock.monotonic();
    const { status, contentType, body } = await askOverUnix(daemon.apiPath, question).catch((error: unknown) => {
      throw new Error(`${told}: no answer`, { cause: error });
    });
    expect(clock.monotonic() - start, told).toBeLessThan(seconds(10));
    if (status >= 400 && question.method !== "HEAD" && contentType === "application/json") {
      const { message } = JSON.parse(body.toString()) as { readonly message: string };
      expect(message, told).not.toMatch(/by a defect/);
      expect(message, told).not.toBe("");
      if (status === 500) expect(message, told).toMatch(dockersOwn);
    }
    if (number % 250 === 249) heap.push(process.memoryUsage().heapUsed);
  }
  const { status } = await askOverUnix(daemon.apiPath, { method: "GET", path: "/services" });
  expect(status).toBe(200);
  expect(daemon.membership.state).toEqual({ kind: "active" });
  // Flat: the last quarter of the run does not need much more than the second.
  const [early = 0, late = 0] = [heap[Math.floor(heap.length / 4)], heap.at(-1)];
  expect(late - early).toBeLessThan(100 * 1024 * 1024);
});
