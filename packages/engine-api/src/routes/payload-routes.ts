// Secrets and configs: the same routes twice. Source: engine-api reference 9.
import { config, configSpec, secret, secretSpec } from "@mswarm/docker-json";
import type { Secret } from "@mswarm/wire";
import { badRequest } from "../errors/http-error.ts";
import { JsonMemo } from "../routing/json-memo.ts";
import {
  answerEmpty,
  answerJson,
  answerJsonLine,
  answerJsonList,
  type FaceRequest,
  type Route,
} from "../routing/route.ts";
import { ListFilters } from "./list-filters.ts";
import { findConfig, findSecret } from "./lookup.ts";
import { onManager } from "./manager-call.ts";
import { bodyOf, versionParameter } from "./parameters.ts";

const nameOf = (request: FaceRequest): string => request.parameters["id"] ?? "";

const templatesSince = 37;

/** Errors: HttpError 400 for a client that is too old to know templates. */
function requireTemplates(kind: string, { templating }: { readonly templating?: object }, minor: number): void {
  if (templating === undefined || minor >= templatesSince) return;
  throw badRequest(`${kind} templating is not supported on the specified API version: 1.${minor}`);
}

const updateVersion = (kind: string, request: FaceRequest): ReturnType<typeof versionParameter> =>
  versionParameter(request.query, () => `invalid ${kind} version`);

// Not those of configs, which hold their data.
const secretTexts = new JsonMemo<Secret>((each) => secret.write(each));

const secretRoutes: readonly Route[] = [
  {
    method: "GET",
    pattern: "/secrets",
    handler: onManager(async ({ request, control, options }) => {
      const given = ListFilters.of(request.query, ["names", "name", "id", "label"]);
      const filters = {
        names: given.get("names"),
        namePrefixes: given.get("name"),
        idPrefixes: given.get("id"),
        labels: given.labels("label"),
      };
      const { secrets = [] } = await control.ListSecrets({ filters }, options);
      return answerJsonList(secrets.map((each) => secretTexts.textOf(each)));
    }),
  },
  {
    method: "GET",
    pattern: "/secrets/{id}",
    handler: onManager(async (call) =>
      answerJsonLine(secretTexts.textOf(await findSecret(call, nameOf(call.request)))),
    ),
  },
  {
    method: "POST",
    pattern: "/secrets/create",
    handler: onManager(async ({ request, control, options }) => {
      const spec = await bodyOf(request, secretSpec);
      requireTemplates("secret", spec, request.minor);
      const { secret: made } = await control.CreateSecret({ spec }, options);
      return answerJson({ ID: made?.id ?? "" }, 201);
    }),
  },
  {
    method: "POST",
    pattern: "/secrets/{id}/update",
    handler: onManager(async (call) => {
      const spec = await bodyOf(call.request, secretSpec);
      const secretVersion = updateVersion("secret", call.request);
      const { id = "" } = await findSecret(call, nameOf(call.request));
      await call.control.UpdateSecret({ secretId: id, secretVersion, spec }, call.options);
      return answerEmpty();
    }),
  },
  {
    method: "DELETE",
    pattern: "/secrets/{id}",
    handler: onManager(async (call) => {
      const { id = "" } = await findSecret(call, nameOf(call.request));
      await call.control.RemoveSecret({ secretId: id }, call.options);
      return answerEmpty(204);
    }),
  },
];

const configRoutes: readonly Route[] = [
  {
    method: "GET",
    pattern: "/configs",
    handler: onManager(async ({ request, control, options }) => {
      const given = ListFilters.of(request.query, ["name", "id", "label"]);
      const filters = {
        namePrefixes: given.get("name"),
        idPrefixes: given.get("id"),
        labels: given.labels("label"),
      };
      const { configs = [] } = await control.ListConfigs({ filters }, options);
      return answerJson(configs.map((each) => config.write(each)));
    }),
  },
  {
    method: "GET",
    pattern: "/configs/{id}",
    handler: onManager(async (call) => answerJson(config.write(await findConfig(call, nameOf(call.request))))),
  },
  {
    method: "POST",
    pattern: "/configs/create",
    handler: onManager(async ({ request, control, options }) => {
      const spec = await bodyOf(request, configSpec);
      requireTemplates("config", spec, request.minor);
      const { config: made } = await control.CreateConfig({ spec }, options);
      return answerJson({ ID: made?.id ?? "" }, 201);
    }),
  },
  {
    method: "POST",
    pattern: "/configs/{id}/update",
    handler: onManager(async (call) => {
      const spec = await bodyOf(call.request, configSpec);
      const configVersion = updateVersion("config", call.request);
      const { id = "" } = await findConfig(call, nameOf(call.request));
      await call.control.UpdateConfig({ configId: id, configVersion, spec }, call.options);
      return answerEmpty();
    }),
  },
  {
    method: "DELETE",
    pattern: "/configs/{id}",
    handler: onManager(async (call) => {
      const { id = "" } = await findConfig(call, nameOf(call.request));
      await call.control.RemoveConfig({ configId: id }, call.options);
      return answerEmpty(204);
    }),
  },
];

export const payloadRoutes: readonly Route[] = [...secretRoutes, ...configRoutes];
