import { deadlineExceeded, invalidArgument, messageOf, unavailable } from "@mswarm/runtime";
import { expect, test } from "vitest";
import { joinFailure } from "./join-failure.ts";

const addresses = ["10.0.0.1:2377", "10.0.0.2:2377"];

test("a join that ran out of time names whom it asked and what the last one said", () => {
  const failure = joinFailure(deadlineExceeded("late"), {
    addresses,
    lastFailure: "10.0.0.2:2377: connection refused",
  });
  expect(failure).toMatchObject({
    code: "UNAVAILABLE",
    message:
      "no manager could be reached at 10.0.0.1:2377, 10.0.0.2:2377; the last failure: 10.0.0.2:2377: connection refused",
  });
  expect(messageOf(joinFailure(unavailable("gone"), { addresses, lastFailure: undefined }))).toContain("gone");
});

test("a token of another cluster is said to be one", () => {
  const error = invalidArgument("remote CA does not match fingerprint. Expected: 00ff");
  expect(joinFailure(error, { addresses: ["10.0.0.1:2377"], lastFailure: undefined })).toMatchObject({
    code: "INVALID_ARGUMENT",
    message:
      "remote CA does not match fingerprint. Expected: 00ff: the join token belongs to another cluster than 10.0.0.1:2377",
  });
});

test("a manager's refusal keeps its words", () => {
  const error = invalidArgument("A valid join token is necessary to join this cluster");
  expect(joinFailure(error, { addresses, lastFailure: "10.0.0.1:2377: A valid join token…" })).toBe(error);
});
