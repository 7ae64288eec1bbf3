// What swarm's templates can name. Source: swarmkit template/context.go.
import type { Task } from "@mswarm/wire";
import { bytesOfText } from "../text/bytes.ts";
import { FunctionFailure, type FunctionTable } from "../text/functions.ts";
import { GoStruct, stringMap, type Value } from "../text/value.ts";

/** The node on which a task is to run, as far as templates see it. */
export interface TemplateNode {
  readonly hostname: string;
  readonly operatingSystem: string;
  readonly architecture: string;
}

/** `.Service`, `.Node` and `.Task`. A task without a slot has its node's id there. */
export function taskContext(task: Task, taskName: string, node: TemplateNode): GoStruct {
  return new GoStruct("*template.Context", taskFields(task, taskName, node));
}

/** As `taskContext`; in secrets and configs errors call it by another name. */
export function payloadContext(task: Task, taskName: string, node: TemplateNode): GoStruct {
  const fields = taskFields(task, taskName, node);
  return new GoStruct("*template.PayloadContext", { ...fields, Context: new GoStruct("template.Context", fields) });
}

function taskFields(task: Task, taskName: string, node: TemplateNode): Readonly<Record<string, Value>> {
  const { id = "", serviceId = "", nodeId = "", slot = "0", serviceAnnotations } = task;
  return {
    Service: new GoStruct("struct { ID string; Name string; Labels map[string]string }", {
      ID: bytesOfText(serviceId),
      Name: bytesOfText(serviceAnnotations?.name ?? ""),
      Labels: stringMap(serviceAnnotations?.labels ?? {}),
    }),
    Node: new GoStruct("struct { ID string; Hostname string; Platform template.Platform }", {
      ID: bytesOfText(nodeId),
      Hostname: bytesOfText(node.hostname),
      Platform: new GoStruct("template.Platform", {
        Architecture: bytesOfText(node.architecture),
        OS: bytesOfText(node.operatingSystem),
      }),
    }),
    Task: new GoStruct("struct { ID string; Name string; Slot string }", {
      ID: bytesOfText(id),
      Name: bytesOfText(taskName),
      Slot: bytesOfText(slot === "0" ? nodeId : slot),
    }),
  };
}

/** Every template of a task has `join SEPARATOR TEXT…`. */
export const taskFunctions: FunctionTable = {
  join: {
    parameters: [],
    rest: "string",
    call: ([separator, ...texts]) => {
      if (separator === undefined) throw new FunctionFailure("runtime error: slice bounds out of range [1:0]");
      return texts.join(String(separator));
    },
  },
};
