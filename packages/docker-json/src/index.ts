export { isJsonObject, type Json, type JsonObject, jsonText, jsonWord } from "./json.ts";
export { networkResource } from "./network.ts";
export { node, nodeSpec } from "./node.ts";
export { config, configSpec, secret, secretSpec } from "./payloads.ts";
export { service, serviceSpec } from "./service.ts";
export type { MessageShape, Place, Shape } from "./shape.ts";
export { clusterJson, clusterSpec, initRequest, joinRequest, specOfInit, swarmJson, unlockRequest } from "./swarm.ts";
export { task } from "./task.ts";
export { jsonTime } from "./times.ts";
