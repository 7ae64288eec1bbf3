// The same services on a stock Docker swarm and on mswarm: what their tasks read of themselves has to be the same, section by
// section, and every knob has to be seen turned where it says. What differs rightly stands in `known`, with the reason.
import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TaskBatch } from "../support/task-batch.ts";
import { differences, type Readback } from "../support/task-readback.ts";
import { type Knob, knobs, newerKnobs, nothing } from "./task-knobs.ts";

interface Difference {
  readonly knob: RegExp;
  readonly section: string;
  readonly reason: string;
  /** Makes the two texts the same. */
  alike(text: string): string;
}

const known: readonly Difference[] = [
  {
    knob: /^(secret|config)/,
    section: "mounts",
    reason:
      "Docker mounts a tmpfs for each container, mswarm binds read-only from one of its own that is never swapped",
    alike: (text) =>
      text.replace(/ \S+ tmpfs (tmpfs|mswarm-secrets) ro,relatime .*$/gm, " a file in memory, read-only"),
  },
  {
    knob: /^secret-twice$/,
    section: "files",
    reason: "Docker keeps one file of each secret, so that the last reference decides about owner and mode of all",
    alike: (text) => text.replace(/^\/run\/secrets\/.*/gm, ""),
  },
  ...["environment", "hostname"].map((section) => ({
    knob: /^network-host$/,
    section,
    reason: "the name of the machine is the task's, and the two machines have their own",
    alike: (text: string) => text.replace(/\b(docker|mswarm)$/gm, "MACHINE"),
  })),
];

/** Without the differences that are known; each must still be there. */
function withoutKnown(name: string, theirs: Readback, ours: Readback): readonly [Readback, Readback] {
  return known
    .filter(({ knob }) => knob.test(name))
    .reduce<readonly [Readback, Readback]>(
      ([left, right], { section, reason, alike }) => {
        const [docker = "", mswarm = ""] = [left[section], right[section]];
        expect.soft(mswarm, `${section} is listed as different (${reason}) and is equal`).not.toBe(docker);
        return [
          { ...left, [section]: alike(docker) },
          { ...right, [section]: alike(mswarm) },
        ];
      },
      [theirs, ours],
    );
}

async function compare(batch: TaskBatch, knob: Knob): Promise<void> {
  const { theirs, ours } = await batch.read(knob.name);
  const [left, right] = withoutKnown(knob.name, theirs, ours);
  expect.soft(right).toEqual(left);
  const bare = await batch.read(nothing.name);
  expect
    .soft(differences(theirs, bare.theirs), "sections that differ from a task with nothing asked")
    .toEqual([...knob.changes].sort());
}

describe("API 1.41", () => {
  let batch: TaskBatch;
  beforeAll(async () => {
    batch = await TaskBatch.start({ api: "v1.41" });
    for (const request of [nothing, ...knobs]) batch.create(request);
  });
  afterAll(async () => {
    await batch?.stop();
  });

  test("a task with nothing asked is what Docker's is", async () => {
    await compare(batch, nothing);
  });

  const hasAppArmor = existsSync("/sys/module/apparmor");
  test(`a task is confined as the kernel can (AppArmor: ${hasAppArmor ? "yes" : "this kernel has none"})`, async () => {
    const { ours } = await batch.read(nothing.name);
    expect(ours["confinement"]).toContain("Seccomp:\t2");
    expect(ours["confinement"]).toContain(hasAppArmor ? "docker-default (enforce)" : "no security module");
  });

  test.each(knobs)("$name: the task is what Docker's is", async (knob) => {
    await compare(batch, knob);
  });
});

describe("API 1.44", () => {
  let batch: TaskBatch;
  beforeAll(async () => {
    batch = await TaskBatch.start({ api: "v1.44", version: "26.1.5" });
    for (const request of [nothing, ...newerKnobs]) batch.create(request);
  });
  afterAll(async () => {
    await batch?.stop();
  });

  test("a task with nothing asked is what Docker's is", async () => {
    await compare(batch, nothing);
  });

  test.each(newerKnobs)("$name: the task is what Docker's is", async (knob) => {
    await compare(batch, knob);
  });
});
