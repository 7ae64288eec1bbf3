import { hours } from "@mswarm/runtime";
import { SeededRandom } from "@mswarm/runtime/simulated";
import { secrets, services } from "@mswarm/store";
import type { Secret, Service, ServiceSpec } from "@mswarm/wire";
import { beforeEach, expect, test } from "vitest";
import { keptUntil } from "../objects/secret-versions.ts";
import { rotateSecret } from "./secret-rotation.ts";
import { type ControlFixture, controlFixture, localCall } from "./testing/control-fixture.ts";

let fixture: ControlFixture;
let random: SeededRandom;

beforeEach(() => {
  fixture = controlFixture();
  random = new SeededRandom(3);
});

const create = (name: string, data: string, labels: Record<string, string> = {}): Promise<Secret> =>
  fixture.put(secrets, { id: `id-${name}`, spec: { annotations: { name, labels }, data: Buffer.from(data) } });

const reference = (name: string, file = name) => ({
  secretId: `id-${name}`,
  secretName: name,
  file: { name: file, uid: "0", gid: "0", mode: 0o400 },
});

const serve = (id: string, spec: ServiceSpec): Promise<Service> =>
  fixture.put(services, {
    id,
    spec: { annotations: { name: id }, replicated: { replicas: "1" }, ...spec },
    specVersion: {},
  });

const using = (name: string, more: ServiceSpec = {}): ServiceSpec => ({
  task: { container: { image: "a", secrets: [reference(name, "password")] } },
  ...more,
});

const rotate = (secretId: string, data: string): ReturnType<typeof rotateSecret> =>
  rotateSecret({ store: fixture.store, clock: fixture.clock, random }, { secretId, data: Buffer.from(data) });

const secret = (id: string | undefined): Secret | undefined => fixture.store.view((tx) => tx.get(secrets, id ?? ""));
const service = (id: string): Service => fixture.store.view((tx) => tx.get(services, id)) ?? {};
const used = (spec: ServiceSpec | undefined): unknown =>
  spec?.task?.container?.secrets?.map(({ secretId, secretName, file }) => [secretId, secretName, file?.name]);

test("the new version has the name, the old one is kept beside it, and services use the new one in the same file", async () => {
  await create("db", "old", { team: "a" });
  await serve("web", using("db"));
  await serve("other", { task: { container: { image: "a" } } });
  const answer = await rotate("id-db", "new");
  expect(answer).toMatchObject({ previousId: "id-db", previousName: "db.1", serviceIds: ["web"] });
  const [next, previous] = [secret(answer.secretId), secret("id-db")];
  expect(next?.spec?.annotations).toEqual({ name: "db", labels: { team: "a", "mswarm.secret.version": "2" } });
  expect(next?.spec?.data?.toString()).toBe("new");
  expect(previous?.spec?.annotations?.name).toBe("db.1");
  expect(previous?.spec?.data?.toString()).toBe("old");
  expect(previous === undefined ? 0 : keptUntil(previous)).toBe(fixture.clock.now() + hours(24));
  expect(used(service("web").spec)).toEqual([[answer.secretId, "db", "password"]]);
  expect(used(service("web").previousSpec)).toEqual([["id-db", "db.1", "password"]]);
  expect(service("web").specVersion?.index).not.toBe("0");
  expect(service("other").specVersion).toEqual({});
});

test("services are rolled over start-first and go back when the new secret does not work; their own policy is remembered", async () => {
  await create("db", "old");
  await serve("web", using("db", { update: { parallelism: "3", order: "STOP_FIRST", failureAction: "PAUSE" } }));
  await serve(
    "port",
    using("db", { endpoint: { ports: [{ publishMode: "HOST", publishedPort: 80, targetPort: 80 }] } }),
  );
  await rotate("id-db", "new");
  expect(service("web").spec?.update).toEqual({ parallelism: "3", order: "START_FIRST", failureAction: "ROLLBACK" });
  expect(service("web").previousSpec?.update).toEqual({
    parallelism: "3",
    order: "STOP_FIRST",
    failureAction: "PAUSE",
  });
  // Its successor could never have the port while it runs.
  expect(service("port").spec?.update?.order ?? "STOP_FIRST").toBe("STOP_FIRST");
});

test("a rollback by hand is accepted as long as the old version is there", async () => {
  await create("db", "old");
  await serve("web", using("db"));
  await rotate("id-db", "new");
  const { id: serviceId = "", meta, spec } = service("web");
  const request = { serviceId, serviceVersion: meta?.version ?? {}, rollback: "PREVIOUS" as const };
  await fixture.control.UpdateService(
    { ...request, spec: { ...spec, task: { container: spec?.task?.container ?? {} } } },
    localCall,
  );
  expect(used(service("web").spec)).toEqual([["id-db", "db.1", "password"]]);
});

test("secrets are rotated again and again, services on any older version come along, and the policy is still their own", async () => {
  await create("db", "one");
  await serve("web", using("db", { update: { failureAction: "CONTINUE" } }));
  const second = await rotate("id-db", "two");
  const third = await rotate(second.secretId ?? "", "three");
  expect(third.previousName).toBe("db.2");
  expect(used(service("web").spec)).toEqual([[third.secretId, "db", "password"]]);
  expect(used(service("web").previousSpec)).toEqual([[second.secretId, "db.2", "password"]]);
  expect(service("web").previousSpec?.update).toEqual({ failureAction: "CONTINUE" });
  await serve("late", { task: { container: { image: "a", secrets: [{ ...reference("db"), secretName: "db.1" }] } } });
  const fourth = await rotate(third.secretId ?? "", "four");
  expect(fourth.serviceIds).toEqual(expect.arrayContaining(["web", "late"]));
  expect(used(service("late").spec)).toEqual([[fourth.secretId, "db", "db"]]);
});

test("a job gets the new version for its next run, and is not run again for it", async () => {
  await create("db", "old");
  const { replicated: _none, ...job } = { ...using("db"), replicated: undefined };
  await fixture.put(services, {
    id: "job",
    spec: { annotations: { name: "job" }, ...job, globalJob: {} },
    jobStatus: { jobIteration: { index: "4" } },
  });
  const { secretId } = await rotate("id-db", "new");
  expect(used(service("job").spec)).toEqual([[secretId, "db", "password"]]);
  expect(service("job").jobStatus?.jobIteration?.index).toBe("4");
  expect(service("job").spec?.update).toBeUndefined();
});

test("a name that is taken is passed over", async () => {
  await create("db", "old");
  await create("db.1", "somebody else's");
  expect((await rotate("id-db", "new")).previousName).toBe("db.2");
});

test("nothing is changed by a rotation that is refused", async () => {
  await create("db", "old");
  await create("n".repeat(63), "old");
  await serve("web", using("db"));
  const before = JSON.stringify(fixture.store.view((tx) => [...tx.all(secrets), ...tx.all(services)]));
  await expect(rotate("id-db", "")).rejects.toThrow("secret data must be larger than 0");
  await expect(rotate("nope", "x")).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(rotate("", "x")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  await expect(rotate(`id-${"n".repeat(63)}`, "x")).rejects.toThrow("too long");
  expect(JSON.stringify(fixture.store.view((tx) => [...tx.all(secrets), ...tx.all(services)]))).toBe(before);
  await rotate("id-db", "new");
  await expect(rotate("id-db", "newer")).rejects.toThrow("secret db.1 is an older version of db: rotate that one");
});
