// Source: engine-api reference 7.
import { service, serviceSpec } from "@mswarm/docker-json";
import type { ContainerSpec, Service, ServiceSpec } from "@mswarm/wire";
import { serverError } from "../errors/http-error.ts";
import { JsonMemo, jsonLine } from "../routing/json-memo.ts";
import {
  answerEmpty,
  answerJson,
  answerJsonLine,
  answerJsonList,
  type FaceRequest,
  type Route,
} from "../routing/route.ts";
import { clientsPinSince, pinnedImage } from "./image-digest.ts";
import { ListFilters } from "./list-filters.ts";
import { findService } from "./lookup.ts";
import { type ManagerCall, onManager } from "./manager-call.ts";
import { bodyOf, strictFlag, versionParameter, versionText } from "./parameters.ts";
import { randomServiceName } from "./service-name.ts";
import { withNetworkIds } from "./service-networks.ts";

const filterKeys = ["name", "id", "label", "mode", "runtime"];
const statusSince = 41;
/** Engines of this API version and later say that there are no warnings. */
const warningsSaidSince = 44;

const idOf = (request: FaceRequest): string => request.parameters["id"] ?? "";

/** As the filter `mode` names it; undefined for a service without one. */
function modeOf({ spec = {} }: Service): string | undefined {
  if (spec.global !== undefined) return "global";
  if (spec.replicated !== undefined) return "replicated";
  if (spec.replicatedJob !== undefined) return "replicated-job";
  return spec.globalJob === undefined ? undefined : "global-job";
}

async function listed({ request, control, options }: ManagerCall): Promise<Service[]> {
  const given = ListFilters.of(request.query, filterKeys);
  const runtimes = given.get("runtime");
  const filters = {
    namePrefixes: given.get("name"),
    idPrefixes: given.get("id"),
    labels: given.labels("label"),
    runtimes: runtimes.length > 0 ? runtimes : ["container", ""],
  };
  const { services = [] } = await control.ListServices({ filters }, options);
  const modes = given.get("mode");
  return modes.length === 0 ? services : services.filter((each) => modes.includes(modeOf(each) ?? ""));
}

/** Counts of tasks by service. */
async function statusesOf(
  { control, options }: ManagerCall,
  services: readonly Service[],
): Promise<Map<string, object>> {
  const { statuses = [] } = await control.ListServiceStatuses({ services: services.map(({ id = "" }) => id) }, options);
  return new Map(
    statuses.map(({ serviceId = "", runningTasks, desiredTasks, completedTasks }) => [
      serviceId,
      {
        RunningTasks: Number(runningTasks ?? 0),
        DesiredTasks: Number(desiredTasks ?? 0),
        CompletedTasks: Number(completedTasks ?? 0),
      },
    ]),
  );
}

const texts = new JsonMemo<Service>((each) => service.write(each));

/** One service of a list. Its counts change without it. */
function listLine(each: Service, status: object | undefined): string {
  const text = texts.textOf(each);
  return status === undefined ? text : `${text.slice(0, -1)},"ServiceStatus":${jsonLine(status)}}`;
}

const withContainer = (spec: ServiceSpec, change: Partial<ContainerSpec>): ServiceSpec => ({
  ...spec,
  task: { ...spec.task, container: { ...spec.task?.container, ...change } },
});

const named = (spec: ServiceSpec): ServiceSpec =>
  (spec.annotations?.name ?? "") === ""
    ? { ...spec, annotations: { ...spec.annotations, name: randomServiceName() } }
    : spec;

/** What the client sent for the image's registry, base64url; never shown to anybody. */
function sentCredentials({ headers }: FaceRequest): string {
  const header = headers["x-registry-auth"];
  return (Array.isArray(header) ? header[0] : header) ?? "";
}

/** The spec with its credentials, and with its image pinned where the client leaves that to us. */
async function prepared(
  call: ManagerCall,
  spec: ServiceSpec,
  pullOptions: ContainerSpec["pullOptions"],
): Promise<{ readonly spec: ServiceSpec; readonly warnings: readonly string[] }> {
  const withAuth = pullOptions === undefined ? spec : withContainer(spec, { pullOptions });
  const image = spec.task?.container?.image ?? "";
  if (call.request.minor >= clientsPinSince || image === "") return { spec: withAuth, warnings: [] };
  const pinned = await pinnedImage(call, image, pullOptions?.registryAuth ?? "");
  return { spec: withContainer(withAuth, { image: pinned.image }), warnings: pinned.warnings };
}

/** An update without credentials keeps those of the stored spec, or of the one before. */
function keptCredentials(current: Service, from: string): ContainerSpec["pullOptions"] {
  if (from !== "" && from !== "spec" && from !== "previous-spec")
    throw serverError("unsupported registryAuthFrom value");
  const spec = from === "previous-spec" ? current.previousSpec : current.spec;
  if (spec === undefined) throw serverError("service does not have a previous spec");
  if (spec.task?.container === undefined) throw serverError("service does not use container tasks");
  return spec.task.container.pullOptions;
}

async function created(call: ManagerCall): Promise<{ readonly id: string; readonly warnings: readonly string[] }> {
  const { request, control, options } = call;
  const given = named(await withNetworkIds(call, await bodyOf(request, serviceSpec)));
  const registryAuth = sentCredentials(request);
  const { spec, warnings } = await prepared(call, given, registryAuth === "" ? undefined : { registryAuth });
  const { service: made } = await control.CreateService({ spec }, options);
  return { id: made?.id ?? "", warnings };
}

async function updated(call: ManagerCall): Promise<readonly string[]> {
  const { request, control, options } = call;
  await request.json();
  const serviceVersion = versionParameter(request.query, versionText("service"));
  const given = named(await withNetworkIds(call, await bodyOf(request, serviceSpec)));
  const current = await findService(call, idOf(request));
  const registryAuth = sentCredentials(request);
  const pullOptions =
    registryAuth === "" ? keptCredentials(current, request.query.get("registryAuthFrom") ?? "") : { registryAuth };
  const { spec, warnings } = await prepared(call, given, pullOptions);
  const rollback = rollbackOf(request.query.get("rollback") ?? "");
  await control.UpdateService({ serviceId: current.id ?? "", serviceVersion, spec, rollback }, options);
  return warnings;
}

function rollbackOf(text: string): "NONE" | "PREVIOUS" {
  if (text === "" || text === "none") return "NONE";
  if (text === "previous") return "PREVIOUS";
  throw serverError(`unrecognized rollback option ${text}`);
}

export const serviceRoutes: readonly Route[] = [
  {
    method: "GET",
    pattern: "/services",
    handler: onManager(async (call) => {
      const { query, minor } = call.request;
      const withStatus = minor >= statusSince && strictFlag(query, "status");
      const services = await listed(call);
      const statuses = withStatus ? await statusesOf(call, services) : new Map<string, object>();
      return answerJsonList(services.map((each) => listLine(each, statuses.get(each.id ?? ""))));
    }),
  },
  {
    method: "GET",
    pattern: "/services/{id}",
    handler: onManager(async (call) => {
      const { request } = call;
      const insertDefaults = strictFlag(request.query, "insertDefaults");
      return answerJsonLine(texts.textOf(await findService(call, idOf(request), insertDefaults)));
    }),
  },
  {
    method: "POST",
    pattern: "/services/create",
    handler: onManager(async (call) => {
      const { id, warnings } = await created(call);
      const none = call.request.newest >= warningsSaidSince ? { Warnings: null } : {};
      return answerJson({ ID: id, ...(warnings.length === 0 ? none : { Warnings: warnings }) }, 201);
    }),
  },
  {
    method: "POST",
    pattern: "/services/{id}/update",
    handler: onManager(async (call) => {
      const warnings = await updated(call);
      return answerJson({ Warnings: warnings.length === 0 ? null : warnings });
    }),
  },
  {
    method: "DELETE",
    pattern: "/services/{id}",
    handler: onManager(async (call) => {
      const { id = "" } = await findService(call, idOf(call.request));
      await call.control.RemoveService({ serviceId: id }, call.options);
      return answerEmpty();
    }),
  },
];
