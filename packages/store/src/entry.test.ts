import { internalRaftRequestCodec, type StoreAction, storeActionCodec } from "@mswarm/wire";
import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeRequest, requestIdOf } from "./entry.ts";

test("a framed request is what the codec would have made, and its id is read from its head", () => {
  const action: StoreAction = {
    action: "STORE_ACTION_CREATE",
    secret: { id: "a", spec: { data: Buffer.alloc(300, 7) } },
  };
  fc.assert(
    fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), fc.nat({ max: 3 }), (id, count) => {
      const actions = Array.from({ length: count }, () => action);
      const framed = encodeRequest(
        id,
        actions.map((each) => storeActionCodec.encode(each)),
      );
      expect(framed.equals(internalRaftRequestCodec.encode({ id: String(id), action: actions }))).toBe(true);
      expect(requestIdOf(framed)).toBe(id);
    }),
  );
});

test("an id that is no safe integer, or no id at all, is nobody's", () => {
  const large = internalRaftRequestCodec.encode({ id: "18446744073709551615" });
  expect(requestIdOf(large)).toBeUndefined();
  expect(requestIdOf(Buffer.alloc(0))).toBeUndefined();
  expect(requestIdOf(Buffer.from([0x08, 0xff]))).toBeUndefined();
});
