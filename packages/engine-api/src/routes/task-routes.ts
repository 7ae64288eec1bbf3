// Source: engine-api reference 8.
import { task } from "@mswarm/docker-json";
import type { Task, TaskState } from "@mswarm/wire";
import { taskStateNumbers } from "@mswarm/wire";
import { answerJson, type FaceRequest, type Route } from "../routing/route.ts";
import { ListFilters } from "./list-filters.ts";
import { findNode, findService, findTask } from "./lookup.ts";
import { onManager } from "./manager-call.ts";

const filterKeys = ["name", "id", "label", "service", "node", "desired-state", "_up-to-date", "runtime"];
const states = Object.keys(taskStateNumbers) as TaskState[];

/** Engines of this API version and later say that a task has no cluster volumes. */
const volumesSaidSince = 42;

const taskJson = (each: Task, { newest }: FaceRequest): object =>
  newest >= volumesSaidSince ? { Volumes: null, ...task.write(each) } : task.write(each);

export const taskRoutes: readonly Route[] = [
  {
    method: "GET",
    pattern: "/tasks",
    handler: onManager(async (call) => {
      const { request, control, options } = call;
      const given = ListFilters.of(request.query, filterKeys);
      const services = await Promise.all(given.get("service").map((text) => findService(call, text)));
      const nodes = await Promise.all(given.get("node").map((text) => findNode(call, text)));
      const runtimes = given.get("runtime");
      const filters = {
        namePrefixes: given.get("name"),
        idPrefixes: given.get("id"),
        labels: given.labels("label"),
        serviceIds: services.map(({ id = "" }) => id),
        nodeIds: nodes.map(({ id = "" }) => id),
        desiredStates: given.names("desired-state", states),
        upToDate: given.get("_up-to-date").length > 0,
        // Containers only, unless asked for others.
        runtimes: runtimes.length > 0 ? runtimes : ["container", ""],
      };
      const { tasks = [] } = await control.ListTasks({ filters }, options);
      return answerJson(tasks.map((each) => taskJson(each, request)));
    }),
  },
  {
    method: "GET",
    pattern: "/tasks/{id}",
    handler: onManager(async (call) =>
      answerJson(taskJson(await findTask(call, call.request.parameters["id"] ?? ""), call.request)),
    ),
  },
];
