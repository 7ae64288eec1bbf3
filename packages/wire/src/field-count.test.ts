import fc from "fast-check";
import { expect, test } from "vitest";
import { codecOf, requestFieldCounter } from "./schema.ts";

const count = requestFieldCounter("docker.swarmkit.v1.Dispatcher", "UpdateTaskStatus");
const { encode } = codecOf("docker.swarmkit.v1.UpdateTaskStatusRequest");
const plenty = 1_000_000;
const repeated = (bytes: readonly number[], times: number): Buffer =>
  Buffer.alloc(bytes.length * times, Buffer.from(bytes));

test("every field counts, nested ones too", () => {
  const status = { state: "RUNNING", container: { containerId: "c", pid: 7 }, portStatus: { ports: [{}, {}] } };
  const updates = [{ taskId: "t1", status }, { taskId: "t2" }];
  // session · update · task · status · state · container · id · pid · ports · two of them · update · task
  expect(count(encode({ sessionId: "s", updates }), plenty)).toBe(13);
  expect(count(Buffer.alloc(0), plenty)).toBe(0);
});

test("two million empty objects in 4 MB are more than the bound, and are not looked at one by one", () => {
  const updates = repeated([0x1a, 0], 2_000_000);
  expect(count(updates, 50_000)).toBeUndefined();
  // Each inside another: in an update, its status, that one's ports.
  const nested = (bytes: Buffer, tag: number): Buffer => {
    const length: number[] = [];
    for (let left = bytes.length; left > 0; left >>>= 7) length.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    return Buffer.concat([Buffer.from([tag, ...length]), bytes]);
  };
  const ports = nested(nested(nested(repeated([0x0a, 0], 1_000_000), 0x42), 0x12), 0x1a);
  expect(count(ports, 50_000)).toBeUndefined();
  // Numbers that are absurdly often there, and groups.
  expect(count(repeated([0x08, 1], 1_000_000), 50_000)).toBeUndefined();
  expect(count(repeated([0x0b], 1_000_000), 50_000)).toBeUndefined();
});

test("labels count, and unknown fields do", () => {
  const session = requestFieldCounter("docker.swarmkit.v1.Dispatcher", "Session");
  const labels = Object.fromEntries(Array.from({ length: 100 }, (_unused, index) => [`l${index}`, "v"]));
  const bytes = codecOf("docker.swarmkit.v1.SessionRequest").encode({ description: { engine: { labels } } });
  expect(session(bytes, plenty)).toBe(302);
  expect(session(bytes, 300)).toBeUndefined();
  expect(session(repeated([0xfa, 0x07, 0], 70), plenty)).toBe(70);
});

test("a field that ends behind the message it is in hides nothing", () => {
  // An update whose task id claims all that follows: 2 MB of further updates.
  const claimed = Buffer.concat([Buffer.from([0x1a, 4, 0x12, 0xff, 0xff, 0x7f]), repeated([0x1a, 0], 1_000_000)]);
  expect(count(claimed, 50_000)).toBeUndefined();
});

test("whatever bytes come, counting ends with a number or with more than the bound", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      const fields = count(bytes, 100);
      expect(fields === undefined || (fields >= 0 && fields <= 100)).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});
