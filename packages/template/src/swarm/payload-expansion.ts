// Templates in secrets and configs, which may ask for each other. Source: swarmkit template/context.go, PayloadContext.
import type { Task } from "@mswarm/wire";
import { bytesOfText, textOfBytes } from "../text/bytes.ts";
import { FunctionFailure, type FunctionTable, type TemplateFunction } from "../text/functions.ts";
import { Template } from "../text/template.ts";
import type { GoStruct } from "../text/value.ts";
import { taskFunctions } from "./task-context.ts";

/** The data of a secret or config that the task refers to; undefined: this node was not given it. */
export interface PayloadSource {
  secret(id: string): Buffer | undefined;
  config(id: string): Buffer | undefined;
}

export interface ExpandedPayload {
  readonly data: Buffer;
  /** True when a secret went into it. */
  readonly isSecret: boolean;
}

/** Errors: TemplateError, which may quote the template and what it was filled with: not to be shown for secrets. */
export function expandPayload(data: Buffer, task: Task, context: GoStruct, source: PayloadSource): ExpandedPayload {
  const { env = [], secrets = [], configs = [] } = task.spec?.container ?? {};
  let isSecret = false;
  const functions: FunctionTable = {
    ...taskFunctions,
    env: ofText((name) => bytesOfText(env.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1) ?? "")),
    secret: ofText((target) => {
      const reference = secrets.find(({ file }) => file?.name === target);
      if (reference === undefined) throw new FunctionFailure(bytesOfText(`secret target ${target} not found`));
      isSecret = true;
      return given("secret", reference.secretId ?? "", source.secret(reference.secretId ?? ""));
    }),
    config: ofText((target) => {
      const reference = configs.find(({ file }) => file?.name === target);
      if (reference === undefined) throw new FunctionFailure(bytesOfText(`config target ${target} not found`));
      return given("config", reference.configId ?? "", source.config(reference.configId ?? ""));
    }),
  };
  const filled = new Template(data, { name: "expansion", functions, missingKey: "error" }).fill(context);
  return { data: filled, isSecret };
}

const ofText = (call: (text: string) => string): TemplateFunction => ({
  parameters: ["string"],
  call: ([text]) => call(textOfBytes(String(text))),
});

function given(kind: string, id: string, data: Buffer | undefined): string {
  if (data === undefined) throw new FunctionFailure(`${kind} ${id} not found`);
  return data.toString("latin1");
}
