import { invalidArgument } from "@mswarm/runtime";
import type { Node, NodeRole, NodeSpec, NodeSpec_Availability } from "@mswarm/wire";
import { addList, type CliCommand, optionsOf, withConnection } from "../cli-command.ts";
import type { CliContext, Control } from "../cli-context.ts";
import { findNode } from "../control/lookup.ts";
import { pairsToMap } from "../flags/key-values.ts";
import type { OptionValues } from "../flags/option-values.ts";
import { forEachArgument } from "../output/errors.ts";
import { changedMap, defined, withField } from "../service-spec/merging.ts";
import { choice } from "../service-spec/policies.ts";
import { parseAvailability } from "./availability.ts";

const roles = choice<NodeRole>({ worker: "WORKER", manager: "MANAGER" });
const availabilities: Readonly<Record<string, NodeSpec_Availability>> = {
  active: "ACTIVE",
  pause: "PAUSE",
  drain: "DRAIN",
};

export function addNodeUpdate(parent: CliCommand, context: CliContext): void {
  const command = parent.command("update").description("Change labels, availability or role of a node");
  command
    .argument("<node>", "Node by id, hostname or prefix of the id")
    .option("--availability <word>", '"active", "pause" or "drain"')
    .option("--role <role>", '"worker" or "manager"');
  addList(command, "--label-add <label>", 'Add or update a label ("key=value")');
  addList(command, "--label-rm <key>", "Remove a label");
  command.action(async (text: string) => {
    const flags = optionsOf(command);
    await withConnection(command, context, async ({ control }) => {
      await changeNode(control, text, (spec) => changedNodeSpec(spec, flags));
      context.out(`${text}\n`);
    });
  });
}

/** `promote` and `demote`. */
export function addNodeRole(parent: CliCommand, context: CliContext, name: "promote" | "demote"): void {
  const [role, word] = name === "promote" ? (["MANAGER", "manager"] as const) : (["WORKER", "worker"] as const);
  const command = parent.command(name).description(`Make ${word}s of nodes`);
  command.argument("<nodes...>", "Nodes by id, hostname or prefix of the id");
  command.action(async (texts: string[]) => {
    await withConnection(command, context, async ({ control }) => {
      await forEachArgument(texts, async (text) => {
        const node = await findNode(control, text);
        if ((node.spec?.desiredRole ?? "WORKER") === role) {
          return context.out(`Node ${text} is already a ${word}.\n`);
        }
        await updateNode(control, node, { ...node.spec, desiredRole: role });
        const change = name === "promote" ? "promoted to a manager" : "demoted";
        context.out(
          name === "promote" ? `Node ${text} ${change} in the swarm.\n` : `Manager ${text} ${change} in the swarm.\n`,
        );
      });
    });
  });
}

async function changeNode(control: Control, text: string, change: (spec: NodeSpec) => NodeSpec): Promise<void> {
  const node = await findNode(control, text);
  await updateNode(control, node, change(node.spec ?? {}));
}

async function updateNode(control: Control, node: Node, spec: NodeSpec): Promise<void> {
  await control.UpdateNode({ nodeId: node.id ?? "", nodeVersion: node.meta?.version ?? {}, spec });
}

/** Errors: UsageError; INVALID_ARGUMENT for a label to remove that is not there. */
export function changedNodeSpec(spec: NodeSpec, flags: OptionValues): NodeSpec {
  const old = spec.annotations?.labels ?? {};
  const missing = flags.list("labelRm").find((key) => old[key] === undefined);
  if (missing !== undefined) throw invalidArgument(`key ${missing} doesn't exist in node's labels`);
  const labels = changedMap(old, { add: pairsToMap(flags.list("labelAdd"), "label"), remove: flags.list("labelRm") });
  const availability = parseAvailability(flags);
  return {
    ...spec,
    annotations: withField({ ...spec.annotations }, "labels", labels),
    ...defined({
      availability: availability === undefined ? undefined : availabilities[availability],
      desiredRole: flags.parsed("role", roles),
    }),
  };
}
