import { configs, secrets, services } from "@mswarm/store";
import type { SecretSpec } from "@mswarm/wire";
import { expect, test } from "vitest";
import { controlFixture, localCall } from "./testing/control-fixture.ts";

const data = Buffer.from("hunter2");
const spec = (name: string): SecretSpec => ({ annotations: { name, labels: { a: "1" } }, data });
const badName =
  "invalid name, only 64 [a-zA-Z0-9-_.] characters allowed, and the start and end character must be [a-zA-Z0-9]";

test("no answer about a secret contains its data, and the store keeps it", async () => {
  const { control, store } = controlFixture();
  const created = (await control.CreateSecret({ spec: spec("a") }, localCall)).secret;
  const secretId = created?.id ?? "";
  const version = created?.meta?.version ?? {};
  const got = (await control.GetSecret({ secretId }, localCall)).secret;
  const [listed] = (await control.ListSecrets({}, localCall)).secrets ?? [];
  const updated = await control.UpdateSecret({ secretId, secretVersion: version, spec: spec("a") }, localCall);
  for (const answer of [created, got, listed, updated.secret]) {
    expect(answer?.id).toBe(secretId);
    expect(answer?.spec?.data).toBeUndefined();
  }
  expect(store.view((tx) => tx.get(secrets, secretId)?.spec?.data)).toEqual(data);
});

test("answers about a secret are the same object as long as it does not change", async () => {
  const { control } = controlFixture();
  const made = (await control.CreateSecret({ spec: spec("a") }, localCall)).secret;
  const secretId = made?.id ?? "";
  const read = async () => (await control.GetSecret({ secretId }, localCall)).secret;
  const before = await read();
  expect(await read()).toBe(before);
  const labels = { annotations: { name: "a", labels: { a: "2" } } };
  await control.UpdateSecret({ secretId, secretVersion: made?.meta?.version ?? {}, spec: labels }, localCall);
  expect((await read())?.spec?.annotations?.labels).toEqual({ a: "2" });
  expect(before?.spec?.annotations?.labels).toEqual({ a: "1" });
});

test.each([
  [{}, "INVALID_ARGUMENT", "invalid argument"],
  [{ spec: { data } }, "INVALID_ARGUMENT", "name must be provided"],
  [{ spec: spec("-a") }, "INVALID_ARGUMENT", badName],
  [{ spec: spec("a".repeat(65)) }, "INVALID_ARGUMENT", badName],
  [
    { spec: { annotations: { name: "a" } } },
    "INVALID_ARGUMENT",
    "secret data must be larger than 0 and less than 512000 bytes",
  ],
  [
    { spec: { ...spec("a"), data: Buffer.alloc(512_000) } },
    "INVALID_ARGUMENT",
    "secret data must be larger than 0 and less than 512000 bytes",
  ],
  [{ spec: { ...spec("a"), driver: {} } }, "INVALID_ARGUMENT", "secret driver must have a name"],
  [{ spec: { ...spec("a"), driver: { name: "vault" } } }, "UNIMPLEMENTED", expect.stringContaining("secret drivers")],
  [{ spec: { ...spec("a"), templating: { name: "jinja" } } }, "UNIMPLEMENTED", expect.stringContaining('"jinja"')],
  [{ spec: spec("TAKEN") }, "ALREADY_EXISTS", "secret TAKEN already exists"],
])("creating a secret from %o is refused", async (request, code, message) => {
  const { control } = controlFixture();
  await control.CreateSecret({ spec: spec("taken") }, localCall);
  await expect(control.CreateSecret(request, localCall)).rejects.toMatchObject({ code, message });
});

test("the largest secret and the largest config are taken", async () => {
  const { control } = controlFixture();
  await control.CreateSecret({ spec: { ...spec("a".repeat(64)), data: Buffer.alloc(511_999) } }, localCall);
  await control.CreateConfig({ spec: { ...spec("a.b_c-d"), data: Buffer.alloc(1_023_999) } }, localCall);
  await expect(
    control.CreateConfig({ spec: { ...spec("b"), data: Buffer.alloc(1_024_000) } }, localCall),
  ).rejects.toThrow("config data must be larger than 0 and less than 1024000 bytes");
});

test("only labels of a secret or config can be changed, and only by who read the latest version", async () => {
  const { control } = controlFixture();
  const secret = (await control.CreateSecret({ spec: spec("a") }, localCall)).secret ?? {};
  const config = (await control.CreateConfig({ spec: spec("a") }, localCall)).config ?? {};
  const versionOf = (object: { meta?: { version?: object } }) => object.meta?.version ?? {};
  const updateSecret = (spec: SecretSpec, secretVersion = versionOf(secret)) =>
    control.UpdateSecret({ secretId: secret.id ?? "", secretVersion, spec }, localCall);
  const updateConfig = (spec: SecretSpec, configVersion = versionOf(config)) =>
    control.UpdateConfig({ configId: config.id ?? "", configVersion, spec }, localCall);
  const refused = { code: "INVALID_ARGUMENT", message: "only updates to Labels are allowed" };
  for (const changed of [{ ...spec("a"), data: Buffer.from("x") }, spec("b")]) {
    await expect(updateSecret(changed)).rejects.toMatchObject(refused);
    await expect(updateConfig(changed)).rejects.toMatchObject(refused);
  }
  const labelled = { annotations: { name: "a", labels: { b: "2" } } };
  expect((await updateSecret(labelled)).secret?.spec?.annotations?.labels).toEqual({ b: "2" });
  const updated = (await updateConfig(labelled)).config?.spec;
  expect(updated).toMatchObject({ annotations: { labels: { b: "2" } }, data });
  const stale = { code: "UNKNOWN", message: "update out of sequence" };
  await expect(updateSecret(labelled)).rejects.toMatchObject(stale);
  await expect(updateConfig(labelled)).rejects.toMatchObject(stale);
  await expect(control.UpdateSecret({ secretId: "x" }, localCall)).rejects.toThrow("invalid argument");
  await expect(control.UpdateConfig({ configId: "x" }, localCall)).rejects.toThrow("invalid argument");
});

test("a secret in use by services is not removed; the services are named", async () => {
  const { control, put } = controlFixture();
  await put(secrets, { id: "s1", spec: spec("pass") });
  await put(configs, { id: "c1", spec: spec("conf") });
  const task = {
    container: { secrets: [{ secretId: "s1", secretName: "pass" }], configs: [{ configId: "c1", configName: "conf" }] },
  };
  await put(services, { id: "1", spec: { annotations: { name: "web" }, task } });
  await expect(control.RemoveSecret({ secretId: "s1" }, localCall)).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: "secret 'pass' is in use by the following service: web",
  });
  await put(services, { id: "2", spec: { annotations: { name: "api" }, task } });
  await expect(control.RemoveSecret({ secretId: "s1" }, localCall)).rejects.toThrow(
    "secret 'pass' is in use by the following services: web, api",
  );
  await expect(control.RemoveConfig({ configId: "c1" }, localCall)).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: "config 'conf' is in use by the following services: web, api",
  });
  await control.RemoveService({ serviceId: "1" }, localCall);
  await control.RemoveService({ serviceId: "2" }, localCall);
  await control.RemoveSecret({ secretId: "s1" }, localCall);
  await control.RemoveConfig({ configId: "c1" }, localCall);
  await expect(control.RemoveSecret({ secretId: "s1" }, localCall)).rejects.toMatchObject({
    code: "NOT_FOUND",
    message: "could not find secret s1",
  });
  await expect(control.RemoveConfig({ configId: "c1" }, localCall)).rejects.toThrow("could not find config c1");
});

test("ids must be given and known", async () => {
  const { control } = controlFixture();
  await expect(control.GetSecret({}, localCall)).rejects.toThrow("secret ID must be provided");
  await expect(control.RemoveSecret({}, localCall)).rejects.toThrow("secret ID must be provided");
  await expect(control.GetConfig({}, localCall)).rejects.toThrow("config ID must be provided");
  await expect(control.RemoveConfig({}, localCall)).rejects.toThrow("config ID must be provided");
  await expect(control.GetSecret({ secretId: "x" }, localCall)).rejects.toMatchObject({
    code: "NOT_FOUND",
    message: "secret x not found",
  });
  await expect(control.GetConfig({ configId: "x" }, localCall)).rejects.toThrow("config x not found");
});

test("lists of secrets leave out internal ones and take any name, prefix or id, and every label", async () => {
  const { control, put } = controlFixture();
  await put(secrets, { id: "1", spec: spec("alpha") });
  await put(secrets, { id: "2", spec: { annotations: { name: "beta", labels: { a: "2" } }, data } });
  await put(secrets, { id: "3", spec: spec("gamma"), internal: true });
  const names = async (filters: object) =>
    ((await control.ListSecrets({ filters }, localCall)).secrets ?? []).map((each) => each.spec?.annotations?.name);
  expect(await names({})).toEqual(["alpha", "beta"]);
  expect(await names({ names: ["ALPHA"], idPrefixes: ["2"] })).toEqual(["alpha", "beta"]);
  expect(await names({ namePrefixes: ["be"] })).toEqual(["beta"]);
  expect(await names({ labels: { a: "1" } })).toEqual(["alpha"]);
  expect(await names({ labels: { a: "" } })).toEqual(["alpha", "beta"]);
});

test("a follower's control surface reads, and refuses to write", async () => {
  const { control, store } = controlFixture();
  await control.CreateSecret({ spec: spec("a") }, localCall);
  store.follow();
  expect((await control.ListSecrets({}, localCall)).secrets).toHaveLength(1);
  await expect(control.CreateSecret({ spec: spec("b") }, localCall)).rejects.toThrow("node lost leader status");
});

test("a list by name has only what all other filters let through, too", async () => {
  const { control } = controlFixture();
  for (const name of ["one", "two", "two.more"]) await control.CreateSecret({ spec: spec(name) }, localCall);
  const namesOf = async (filters: object): Promise<(string | undefined)[]> =>
    ((await control.ListSecrets({ filters }, localCall)).secrets ?? [])
      .map((each) => each.spec?.annotations?.name)
      .sort();
  expect(await namesOf({ names: ["TWO", "two"] })).toEqual(["two"]);
  expect(await namesOf({ names: ["one"], namePrefixes: ["two"] })).toEqual(["one", "two", "two.more"]);
  expect(await namesOf({ names: ["one"], labels: { a: "2" } })).toEqual([]);
  expect(await namesOf({ names: ["three"] })).toEqual([]);
});
