// The command tree. One file per command; this one only puts them together.

import { addHost, CliCommand } from "./cli-command.ts";
import type { CliContext } from "./cli-context.ts";
import { addCa } from "./commands/ca.ts";
import { addDaemon } from "./commands/daemon.ts";
import { addExplain } from "./commands/explain.ts";
import { addInit } from "./commands/init.ts";
import { addJoin } from "./commands/join.ts";
import { addJoinToken } from "./commands/join-token.ts";
import { addLater } from "./commands/later.ts";
import { addLeave } from "./commands/leave.ts";
import { addNodeInspect } from "./commands/node-inspect.ts";
import { addNodeLs } from "./commands/node-ls.ts";
import { addNodePs } from "./commands/node-ps.ts";
import { addNodeRm } from "./commands/node-rm.ts";
import { addNodeRole, addNodeUpdate } from "./commands/node-update.ts";
import { addPayloadInspect, addPayloadLs, addPayloadRm } from "./commands/payload.ts";
import { addPayloadCreate } from "./commands/payload-create.ts";
import { configKind, type Payload, type PayloadKind, secretKind } from "./commands/payload-kind.ts";
import { addSecretRotate } from "./commands/secret-rotate.ts";
import { addServiceCreate } from "./commands/service-create.ts";
import { addServiceInspect } from "./commands/service-inspect.ts";
import { addServiceLogs } from "./commands/service-logs.ts";
import { addServiceLs } from "./commands/service-ls.ts";
import { addServicePs } from "./commands/service-ps.ts";
import { addServiceRm } from "./commands/service-rm.ts";
import { addServiceRollback, addServiceScale, addServiceUpdate } from "./commands/service-update.ts";
import { addStatus } from "./commands/status.ts";
import { addTaskInspect, addTaskLs } from "./commands/task.ts";
import { addUnlock, addUnlockKey } from "./commands/unlock.ts";
import { addUpdate } from "./commands/update.ts";
import { addVersion } from "./commands/version.ts";
import { version } from "./version.ts";

/** A command or group outside this list: `lab`, `demo`. */
export type AddCommand = (parent: CliCommand, context: CliContext) => void;

/** The whole program. Nothing runs before `parseAsync`. */
export function createProgram(context: CliContext, more: readonly AddCommand[] = []): CliCommand {
  const program = new CliCommand("mswarm");
  program
    .description("Docker swarm mode in TypeScript: a cluster of managers and workers that runs services")
    .option("-H, --host <address>", "Control socket of the daemon (MSWARM_HOST)")
    .version(`mswarm version ${version}`, "-v, --version", "Print the version and quit")
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ writeOut: (text) => context.out(text), writeErr: (text) => context.err(text) });
  for (const add of [addInit, addJoin, addLeave, addJoinToken, addUpdate, addCa, addUnlock, addStatus, addVersion])
    add(program, context);
  addUnlockKey(program);
  addExplain(program, context);
  addNodeCommands(program, context);
  addServiceCommands(program, context);
  addTaskCommands(program, context);
  addPayloadCommands(program, context);
  addLater(program, "network", "overlay networks");
  addLater(program, "stack", "stacks");
  addDaemon(program, context);
  for (const add of more) add(program, context);
  addHostEverywhere(program);
  return program;
}

function addNodeCommands(program: CliCommand, context: CliContext): void {
  const node = program.command("node").description("Manage nodes");
  for (const add of [addNodeLs, addNodeInspect, addNodeUpdate, addNodeRm, addNodePs]) add(node, context);
  addNodeRole(node, context, "promote");
  addNodeRole(node, context, "demote");
}

function addServiceCommands(program: CliCommand, context: CliContext): void {
  const service = program.command("service").description("Manage services");
  const commands = [addServiceCreate, addServiceLs, addServicePs, addServiceInspect, addServiceUpdate];
  for (const add of [...commands, addServiceScale, addServiceRollback, addServiceRm, addServiceLogs])
    add(service, context);
}

function addTaskCommands(program: CliCommand, context: CliContext): void {
  const task = program.command("task").description("Look at tasks");
  for (const add of [addTaskLs, addTaskInspect]) add(task, context);
}

function addPayloadCommands(program: CliCommand, context: CliContext): void {
  const secret = program.command("secret").description("Manage secrets");
  addPayload(secret, context, secretKind);
  addSecretRotate(secret, context);
  addPayload(program.command("config").description("Manage configs"), context, configKind);
}

function addPayload<T extends Payload>(parent: CliCommand, context: CliContext, kind: PayloadKind<T>): void {
  for (const add of [addPayloadCreate, addPayloadLs, addPayloadInspect, addPayloadRm]) add(parent, context, kind);
}

/** `--host` also behind the command, where it does not mean something else there (`service create`). */
function addHostEverywhere(parent: CliCommand): void {
  for (const command of parent.commands) {
    if (!(command instanceof CliCommand)) continue;
    if (command.commands.length > 0) addHostEverywhere(command);
    if (!command.options.some(({ long }) => long === "--host")) addHost(command);
  }
}
