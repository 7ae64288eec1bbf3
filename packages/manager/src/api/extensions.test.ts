import { extensions, resources } from "@mswarm/store";
import { expect, test } from "vitest";
import { controlFixture, localCall } from "./testing/control-fixture.ts";

const payload = { type_url: "t/x", value: Buffer.from("1") };

test("an extension defines a kind, and stays while it has resources", async () => {
  const { control } = controlFixture();
  await expect(control.CreateExtension({}, localCall)).rejects.toThrow("extension name must be provided");
  const { extension } = await control.CreateExtension({ annotations: { name: "dns" }, description: "d" }, localCall);
  const extensionId = extension?.id ?? "";
  for (const name of ["DNS", "task"]) {
    await expect(control.CreateExtension({ annotations: { name } }, localCall)).rejects.toMatchObject({
      code: "ALREADY_EXISTS",
      message: `extension ${name} already exists`,
    });
  }
  const { resource } = await control.CreateResource({ annotations: { name: "a" }, kind: "dns", payload }, localCall);
  await expect(control.RemoveExtension({ extensionId }, localCall)).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: "extension 'dns' is in use by the following resource: a",
  });
  await control.RemoveResource({ resourceId: resource?.id ?? "" }, localCall);
  await control.RemoveExtension({ extensionId }, localCall);
  await expect(control.GetExtension({ extensionId }, localCall)).rejects.toThrow(`extension ${extensionId} not found`);
  await expect(control.RemoveExtension({ extensionId }, localCall)).rejects.toThrow("could not find extension");
});

test("resources keep their name, and change annotations and payload where they are given", async () => {
  const { control, put } = controlFixture();
  await put(extensions, { id: "e", annotations: { name: "dns" } });
  await expect(control.CreateResource({ kind: "dns" }, localCall)).rejects.toThrow("Resource must have a name");
  const annotations = { name: "a" };
  await expect(control.CreateResource({ annotations }, localCall)).rejects.toThrow(
    "Resource must belong to an Extension",
  );
  await expect(control.CreateResource({ annotations, kind: "x" }, localCall)).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: "Kind x is not registered",
  });
  const { resource } = await control.CreateResource({ annotations, kind: "dns", payload }, localCall);
  await expect(control.CreateResource({ annotations, kind: "dns" }, localCall)).rejects.toMatchObject({
    code: "ALREADY_EXISTS",
    message: "A resource with name a already exists",
  });
  const current = { resourceId: resource?.id ?? "", resourceVersion: resource?.meta?.version ?? {} };
  await expect(control.UpdateResource({ ...current, annotations: { name: "b" } }, localCall)).rejects.toThrow(
    "cannot change resource name",
  );
  const labelled = { name: "a", labels: { x: "1" } };
  const updated = (await control.UpdateResource({ ...current, annotations: labelled }, localCall)).resource;
  expect(updated).toMatchObject({ annotations: labelled, payload, kind: "dns" });
  await expect(control.UpdateResource(current, localCall)).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: "update out of sequence",
  });
  const { resources: listed } = await control.ListResources(
    { filters: { kind: "dns", labels: { x: "1" } } },
    localCall,
  );
  expect(listed).toEqual([updated]);
  expect((await control.ListResources({ filters: { kind: "other" } }, localCall)).resources).toEqual([]);
});

test("what mswarm keeps for itself can be read by clients and not changed", async () => {
  const { control, put } = controlFixture();
  const { id: extensionId = "" } = await put(extensions, { id: "e", annotations: { name: "mswarm.audit" } });
  const { id: resourceId = "", meta } = await put(resources, {
    id: "r",
    kind: "mswarm.audit",
    annotations: { name: "a" },
  });
  const annotations = { name: "mswarm.x" };
  const denied = { code: "PERMISSION_DENIED" };
  await expect(control.CreateExtension({ annotations }, localCall)).rejects.toMatchObject(denied);
  await expect(control.RemoveExtension({ extensionId }, localCall)).rejects.toMatchObject(denied);
  await expect(control.CreateResource({ annotations, kind: "Mswarm.audit" }, localCall)).rejects.toMatchObject(denied);
  const resourceVersion = meta?.version ?? {};
  await expect(control.UpdateResource({ resourceId, resourceVersion }, localCall)).rejects.toMatchObject(denied);
  await expect(control.RemoveResource({ resourceId }, localCall)).rejects.toMatchObject(denied);
  expect((await control.GetResource({ resourceId }, localCall)).resource?.id).toBe("r");
});

test("cluster volumes are refused with a sentence, and their list is empty", async () => {
  const { control } = controlFixture();
  for (const refused of [control.CreateVolume, control.GetVolume, control.UpdateVolume, control.RemoveVolume]) {
    await expect(refused({}, localCall)).rejects.toMatchObject({ code: "UNIMPLEMENTED" });
  }
  expect(await control.ListVolumes({}, localCall)).toEqual({});
});
