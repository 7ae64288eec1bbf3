export { expandContainer } from "./swarm/container-expansion.ts";
export { type ExpandedPayload, expandPayload, type PayloadSource } from "./swarm/payload-expansion.ts";
export { payloadContext, type TemplateNode, taskContext } from "./swarm/task-context.ts";
export { bytesOfText, textOfBytes } from "./text/bytes.ts";
export { FunctionFailure, type FunctionTable, type TemplateFunction } from "./text/functions.ts";
export { Template, type TemplateOptions } from "./text/template.ts";
export { TemplateError } from "./text/template-error.ts";
export { GoMap, GoStruct, type Value, valueOfJson } from "./text/value.ts";
