import { services, tasks } from "@mswarm/store";
import type { Service, ServiceSpec, Version } from "@mswarm/wire";
import { expect, test } from "vitest";
import { type ControlFixture, controlFixture, localCall } from "./testing/control-fixture.ts";
import {
  configRef,
  host,
  populated,
  secretRef,
  spec,
  withContainer,
  withPorts,
  withTask,
} from "./testing/service-specs.ts";

test("a good service is created with an empty spec version, and may share a host port with another", async () => {
  const { control } = await populated();
  const good = {
    ...withContainer({ secrets: [secretRef], configs: [configRef, { ...configRef, file: { name: "g" } }] }),
    endpoint: { ports: [host(81), host(0), host(0)] },
  };
  const { service } = await control.CreateService({ spec: good }, localCall);
  expect(service?.specVersion).toEqual({});
  expect(service?.previousSpec).toBeUndefined();
  expect((await control.GetService({ serviceId: service?.id ?? "" }, localCall)).service).toEqual(service);
  await control.CreateService(
    { spec: { ...withTask({ networks: [{ target: "n-host" }] }), annotations: { name: "b" } } },
    localCall,
  );
  const { replicated: _mode, ...global } = spec({ annotations: { name: "c" }, global: {} });
  await control.CreateService({ spec: global }, localCall);
});

async function created(fixture: ControlFixture): Promise<Service> {
  return (await fixture.control.CreateService({ spec: spec() }, localCall)).service ?? {};
}

const update = async (
  { control }: ControlFixture,
  service: Service,
  next: ServiceSpec,
  rollback?: "PREVIOUS",
): Promise<Service> =>
  (
    await control.UpdateService(
      {
        serviceId: service.id ?? "",
        serviceVersion: service.meta?.version ?? {},
        spec: next,
        ...(rollback && { rollback }),
      },
      localCall,
    )
  ).service ?? {};

test("an update keeps the spec before it, and a rollback exchanges the two with their versions", async () => {
  const fixture = controlFixture();
  const first = await created(fixture);
  const second = await update(fixture, first, withContainer({ image: "nginx:2" }));
  expect(second.specVersion).toEqual(first.meta?.version);
  expect(second.previousSpec).toEqual(first.spec);
  expect(second.previousSpecVersion).toEqual({});
  const third = await update(fixture, second, withContainer({ image: "nginx:3" }));
  expect(third.previousSpec?.task?.container?.image).toBe("nginx:2");
  const back = await update(fixture, third, spec(), "PREVIOUS");
  expect(back.spec?.task?.container?.image).toBe("nginx:2");
  expect(back.specVersion).toEqual(second.specVersion);
  expect(back.previousSpec).toEqual(third.spec);
  expect(back.previousSpecVersion).toEqual(third.specVersion);
  expect(back.updateStatus).toMatchObject({ state: "ROLLBACK_STARTED", message: "manually requested rollback" });
  const again = await update(fixture, back, back.spec ?? {});
  expect(again.updateStatus).toBeUndefined();
  expect(again.specVersion).toEqual(back.meta?.version);
});

test("updates that SwarmKit refuses are refused with its texts", async () => {
  const fixture = controlFixture();
  const { control } = fixture;
  const service = await created(fixture);
  const serviceId = service.id ?? "";
  await expect(control.UpdateService({ serviceId, spec: spec() }, localCall)).rejects.toThrow("invalid argument");
  await expect(update(fixture, { ...service, id: "x" }, spec())).rejects.toThrow("service x not found");
  await expect(update(fixture, service, spec({ annotations: { name: "other" } }))).rejects.toMatchObject({
    code: "UNIMPLEMENTED",
    message: "renaming services is not supported",
  });
  const { replicated: _mode, ...global } = spec({ global: {} });
  await expect(update(fixture, service, global)).rejects.toThrow("service mode change is not allowed");
  await expect(update(fixture, service, spec({ networks: [{ target: "a" }] }))).rejects.toThrow(
    "networks must be migrated to TaskSpec before being changed",
  );
  await expect(update(fixture, service, spec(), "PREVIOUS")).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    message: `service ${serviceId} does not have a previous spec`,
  });
  await update(fixture, service, spec());
  await expect(update(fixture, service, spec())).rejects.toMatchObject({
    code: "UNKNOWN",
    message: "update out of sequence",
  });
});

test("a rollback to a spec whose secret is gone is refused", async () => {
  const fixture = await populated();
  const first =
    (await fixture.control.CreateService({ spec: withContainer({ secrets: [secretRef] }) }, localCall)).service ?? {};
  const second = await update(fixture, first, spec());
  await fixture.control.RemoveSecret({ secretId: "s1" }, localCall);
  await expect(update(fixture, second, spec(), "PREVIOUS")).rejects.toThrow("secret not found: pass");
});

test("a service keeps its own ports in an update", async () => {
  const fixture = controlFixture();
  const service = (await fixture.control.CreateService({ spec: withPorts(host(80)) }, localCall)).service ?? {};
  await update(fixture, service, withPorts(host(80), host(81)));
});

test("a removed service is gone at once, its tasks are left to the orchestrator", async () => {
  const fixture = controlFixture();
  const { control, put, store } = fixture;
  const { id: serviceId = "" } = await created(fixture);
  await put(tasks, { id: "t", serviceId });
  await control.RemoveService({ serviceId }, localCall);
  expect(store.view((tx) => tx.get(tasks, "t"))).toBeDefined();
  await expect(control.RemoveService({ serviceId }, localCall)).rejects.toMatchObject({
    code: "NOT_FOUND",
    message: `service ${serviceId} not found`,
  });
  await expect(control.RemoveService({}, localCall)).rejects.toThrow("invalid argument");
});

test("registry credentials are given to who asks for one service, never in a list", async () => {
  const { control } = controlFixture();
  const secretive = withContainer({ pullOptions: { registryAuth: "cred" } });
  const { id: serviceId = "" } = (await control.CreateService({ spec: secretive }, localCall)).service ?? {};
  const { service } = await control.GetService({ serviceId }, localCall);
  expect(service?.spec?.task?.container?.pullOptions?.registryAuth).toBe("cred");
  expect(JSON.stringify(await control.ListServices({}, localCall))).not.toContain("cred");
});

test("defaults are filled in on request", async () => {
  const fixture = controlFixture();
  const { id: serviceId = "" } = await created(fixture);
  const { service } = await fixture.control.GetService({ serviceId, insertDefaults: true }, localCall);
  expect(service?.spec).toMatchObject({
    task: { container: { stopGracePeriod: { seconds: "10" } }, restart: { condition: "ANY", delay: { seconds: "5" } } },
    update: { parallelism: "1", monitor: { seconds: "5" }, failureAction: "PAUSE", order: "STOP_FIRST" },
    rollback: { parallelism: "1" },
  });
});

test("lists of services meet all filters", async () => {
  const { control, put } = controlFixture();
  const named = (id: string, name: string, labels: Record<string, string>): Promise<Service> =>
    put(services, { id, spec: { annotations: { name, labels }, task: { container: {} } } });
  await named("1a", "web", { tier: "front" });
  await named("2a", "web-2", { tier: "front" });
  await named("3a", "db", {});
  const ids = async (filters: object) =>
    ((await control.ListServices({ filters }, localCall)).services ?? []).map((service) => service.id);
  expect(await ids({})).toEqual(["1a", "2a", "3a"]);
  expect(await ids({ names: ["web", "db"] })).toEqual(["1a", "3a"]);
  expect(await ids({ namePrefixes: ["web"], labels: { tier: "front" }, idPrefixes: ["2"] })).toEqual(["2a"]);
  expect(await ids({ runtimes: ["container"] })).toHaveLength(3);
  expect(await ids({ runtimes: ["plugin"] })).toEqual([]);
});

test("a job begins its first iteration when it is created, and its next one with each update", async () => {
  const { control } = await populated();
  const job = { annotations: { name: "job" }, task: { container: { image: "a" } }, globalJob: {} };
  const { service: created } = await control.CreateService({ spec: job }, localCall);
  // A Go manager expects the message even for iteration 0.
  expect(created?.jobStatus).toMatchObject({ jobIteration: {}, lastExecution: expect.any(Object) });
  const update = async (version: Version | undefined, rollback: "NONE" | "PREVIOUS"): Promise<Service | undefined> => {
    const request = { serviceId: created?.id ?? "", serviceVersion: version ?? {}, spec: job, rollback };
    return (await control.UpdateService(request, localCall)).service;
  };
  const second = await update(created?.meta?.version, "NONE");
  expect(second?.jobStatus?.jobIteration).toEqual({ index: "1" });
  const third = await update(second?.meta?.version, "PREVIOUS");
  expect(third?.jobStatus?.jobIteration).toEqual({ index: "2" });
});
