// Source: engine-api reference 6.
import { node, nodeSpec } from "@mswarm/docker-json";
import { booleanParameter } from "../routing/query.ts";
import { answerEmpty, answerJson, type Route } from "../routing/route.ts";
import { ListFilters } from "./list-filters.ts";
import { findNode } from "./lookup.ts";
import { onManager } from "./manager-call.ts";
import { bodyOf, versionParameter, versionText } from "./parameters.ts";

const filterKeys = ["name", "id", "label", "role", "membership", "node.label"];

export const nodeRoutes: readonly Route[] = [
  {
    method: "GET",
    pattern: "/nodes",
    handler: onManager(async ({ request, control, options }) => {
      const given = ListFilters.of(request.query, filterKeys);
      const filters = {
        namePrefixes: given.get("name"),
        idPrefixes: given.get("id"),
        labels: given.labels("label"),
        nodeLabels: given.labels("node.label"),
        roles: given.names("role", ["WORKER", "MANAGER"]),
        memberships: given.names("membership", ["PENDING", "ACCEPTED"]),
      };
      const { nodes = [] } = await control.ListNodes({ filters }, options);
      return answerJson(nodes.map((each) => node.write(each)));
    }),
  },
  {
    method: "GET",
    pattern: "/nodes/{id}",
    handler: onManager(async (call) =>
      answerJson(node.write(await findNode(call, call.request.parameters["id"] ?? ""))),
    ),
  },
  {
    method: "POST",
    pattern: "/nodes/{id}/update",
    handler: onManager(async (call) => {
      const { request, control, options } = call;
      await request.json();
      const nodeVersion = versionParameter(request.query, versionText("node"));
      const spec = await bodyOf(request, nodeSpec);
      const { id = "", spec: current } = await findNode(call, request.parameters["id"] ?? "");
      const { membership } = current ?? {};
      const kept = membership === undefined ? {} : { membership };
      await control.UpdateNode({ nodeId: id, nodeVersion, spec: { ...kept, ...spec } }, options);
      return answerEmpty();
    }),
  },
  {
    method: "DELETE",
    pattern: "/nodes/{id}",
    handler: onManager(async (call) => {
      const { request, control, options } = call;
      const { id = "" } = await findNode(call, request.parameters["id"] ?? "");
      await control.RemoveNode({ nodeId: id, force: booleanParameter(request.query, "force") }, options);
      return answerEmpty();
    }),
  },
];
