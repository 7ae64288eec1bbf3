import { type Clock, cryptoRandom, invalidArgument } from "@mswarm/runtime";
import type { mswarm } from "@mswarm/wire";
import { type CliCommand, optionsOf } from "../cli-command.ts";
import type { CliContext } from "../cli-context.ts";
import { demoLab, runDemo } from "../demo/demo.ts";
import { type Lab, type LabParts, labDown, labUp, openLab, statusOf } from "../lab/lab.ts";
import { type LabNode, labRoots } from "../lab/layout.ts";
import { withoutDaemon } from "../local-failure.ts";
import { formatTable } from "../output/table.ts";

const defaultName = "lab";

const rootsOf = (context: CliContext) => labRoots(context.environment["MSWARM_LAB_DIR"]);

function labParts(context: CliContext): LabParts {
  const { clock, signal } = context;
  // Everything that waits does so on this clock: ctrl-c ends it. The daemons go on, for the next try or for lab down.
  const interruptible: Clock = { ...clock, sleep: (span, other) => clock.sleep(span, other ?? signal) };
  return { roots: rootsOf(context), clock: interruptible, say: (line) => context.out(`${line}\n`) };
}

const engineOf = (context: CliContext): string => context.environment["MSWARM_ENGINE"] || "unix:///var/run/docker.sock";

function wholeNumber(text: string): number {
  if (!/^\d{1,3}$/.test(text)) throw invalidArgument("must be a whole number");
  return Number(text);
}

/** `mswarm lab up|status|down`: a whole cluster on this machine. */
export function addLab(parent: CliCommand, context: CliContext): void {
  const lab = parent.command("lab").description("A whole cluster on this machine, for trying things out");

  const up = lab.command("up").description("Start a cluster: one daemon per node on 127.0.0.x, one shared engine");
  up.option("--managers <count>", "Managers", "3")
    .option("--workers <count>", "Workers", "2")
    .option("--name <name>", "Name of the lab", defaultName);
  up.action(async () => {
    const flags = optionsOf(up);
    const started = context.clock.monotonic();
    const wanted = {
      name: flags.text("name") ?? defaultName,
      managers: flags.parsed("managers", wholeNumber) ?? 3,
      workers: flags.parsed("workers", wholeNumber) ?? 2,
      engine: engineOf(context),
    };
    const running = await withoutDaemon(labUp(wanted, labParts(context)));
    const seconds = ((context.clock.monotonic() - started) / 1_000).toFixed(1);
    const [first] = running.nodes;
    context.out(
      `The lab "${running.record.name}" is up: ${running.record.managers} managers and ${running.record.workers} workers in ${seconds} s.\n` +
        "All nodes share one engine, and with it named volumes.\n\n" +
        `  export MSWARM_HOST=unix://${first?.controlPath ?? ""}\n`,
    );
  });

  const status = lab.command("status").description("Show the nodes of a lab");
  status
    .option("--name <name>", "Name of the lab", defaultName)
    .option("--format <format>", '"json" for one object per node');
  status.action(async () => {
    const flags = optionsOf(status);
    const found = await withoutDaemon(openLab(flags.text("name") ?? defaultName, rootsOf(context)));
    const rows = await nodeRows(found, context.clock);
    if (flags.text("format") === "json") {
      for (const row of rows) context.out(`${JSON.stringify(row)}\n`);
      return;
    }
    const headings = ["NODE", "ADDRESS", "STATE", "ROLE", "RAFT", "CONTROL SOCKET"];
    context.out(
      formatTable([
        headings,
        ...rows.map((row) => [row.Node, row.Address, row.State, row.Role, row.Raft, row.Control]),
      ]),
    );
  });

  const down = lab.command("down").description("Stop a lab and delete everything it left");
  down.option("--name <name>", "Name of the lab", defaultName);
  down.action(async () => {
    const name = optionsOf(down).text("name") ?? defaultName;
    await withoutDaemon(labDown(name, labParts(context)));
    context.out(`The lab "${name}" is gone.\n`);
  });
}

/** `mswarm demo`. */
export function addDemo(parent: CliCommand, context: CliContext): void {
  const command = parent.command("demo").description(`Show a cluster survive its leader (uses the lab "${demoLab}")`);
  command.action(async () => {
    await runDemo({
      ...labParts(context),
      random: cryptoRandom(),
      engine: engineOf(context),
      command: context.environment["MSWARM_COMMAND"] ?? "mswarm",
    });
  });
}

interface NodeRow {
  readonly Node: string;
  readonly Address: string;
  readonly State: string;
  readonly Role: string;
  readonly Raft: string;
  readonly Control: string;
}

async function nodeRows(lab: Lab, clock: Clock): Promise<readonly NodeRow[]> {
  return await Promise.all(lab.nodes.map(async (node) => rowOf(node, await statusOf(node, clock))));
}

function rowOf(node: LabNode, status: mswarm.StatusResponse | undefined): NodeRow {
  const raft = status?.raft;
  return {
    Node: node.name,
    Address: node.address,
    State: status === undefined ? "not running" : (status.state ?? "INACTIVE").toLowerCase(),
    Role: status?.isManager === true ? "manager" : "worker",
    Raft: raft === undefined ? "" : `${raft.role ?? ""}, term ${raft.term ?? 0}, index ${raft.appliedIndex ?? 0}`,
    Control: `unix://${node.controlPath}`,
  };
}
