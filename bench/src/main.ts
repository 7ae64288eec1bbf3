// Measures mswarm against real Docker swarm in the same run with one client program, through gRPC Control on the control
// socket or through Docker's API on the unix socket, and prints ratios (mswarm : Docker; for rates above 1 is better, for times and memory below 1).
// Run as root by scripts/bench.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { dockerSwarm } from "./docker-swarm.ts";
import { faceOneManager, faceThreeManagers } from "./face-scenarios.ts";
import { makeImage } from "./image.ts";
import { mswarmSwarm } from "./mswarm-swarm.ts";
import { oneManager, threeManagers } from "./scenarios.ts";
import { type Figures, mediansOf } from "./statistics.ts";
import type { Swarm } from "./swarm.ts";

const usage = `usage: scripts/bench [scale] [options]

  scale               repetitions are divided by it (default 1; 10 for a quick look)
  --rounds <n>        how often both systems are measured in turn; medians are printed (default 3, and 1 with a scale)
  --only <system>     mswarm or docker (may be given twice)
  --scenario <name>   one, three: through gRPC Control; face-one, face-three: through Docker's API (default all)
  --root <path>       a built checkout of mswarm other than this one
  --node-flag <flag>  for the daemons of mswarm, as --node-flag=--cpu-prof; %n is the number of the node
  --log-level <level> of the daemons of mswarm (default info)
  --keep              leaves the folders of the daemons of mswarm in /tmp/msb-*
  --json <file>       writes the figures of every round
`;

const scenarios = {
  one: oneManager,
  three: threeManagers,
  "face-one": faceOneManager,
  "face-three": faceThreeManagers,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string" },
    only: { type: "string", multiple: true, default: ["mswarm", "docker"] },
    scenario: { type: "string", multiple: true, default: Object.keys(scenarios) },
    root: { type: "string" },
    "node-flag": { type: "string", multiple: true, default: [] },
    "log-level": { type: "string", default: "info" },
    keep: { type: "boolean", default: false },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  process.stdout.write(usage);
  process.exit(0);
}
const scale = Number(positionals[0] ?? 1);
const rounds = Number(values.rounds ?? (scale > 1 ? 1 : 3));

const systems = {
  mswarm: (archive: string): Promise<Swarm> =>
    mswarmSwarm(archive, {
      root: values.root,
      nodeFlags: values["node-flag"],
      logLevel: values["log-level"],
      isKept: values.keep,
    }),
  docker: dockerSwarm,
};

async function measureSystem(name: keyof typeof systems, archive: string): Promise<Figures> {
  const figures: Figures = new Map();
  const say = (text: string): void => void process.stderr.write(`${name}: ${text}\n`);
  say("starting");
  const swarm = await systems[name](archive);
  try {
    for (const [scenario, run] of Object.entries(scenarios)) {
      if (values.scenario.includes(scenario)) await run(swarm, figures, { scale, say });
    }
  } finally {
    await swarm.close();
  }
  return figures;
}

function printTable(ours: Figures, theirs: Figures): void {
  const line = (name: string, ...cells: readonly string[]): void =>
    void process.stdout.write(`${name.padEnd(72)}${cells.map((cell) => cell.padStart(11)).join("")}\n`);
  const number = (value: number | undefined): string => (value === undefined ? "" : value.toFixed(1));
  line("", "mswarm", "docker", "ratio");
  for (const name of new Set([...ours.keys(), ...theirs.keys()])) {
    const [our, their] = [ours.get(name), theirs.get(name)];
    const ratio = our === undefined || their === undefined ? "" : (our / their).toFixed(2);
    line(name, number(our), number(their), ratio);
  }
}

// So that everything that was started ends when the bench is interrupted.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

const folder = await mkdtemp("/tmp/msb-");
const measured: { mswarm: Figures[]; docker: Figures[] } = { mswarm: [], docker: [] };
try {
  const archive = await makeImage(folder);
  for (let round = 0; round < rounds; round += 1) {
    for (const name of ["mswarm", "docker"] as const) {
      if (values.only.includes(name)) measured[name].push(await measureSystem(name, archive));
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
printTable(mediansOf(measured.mswarm), mediansOf(measured.docker));
if (values.json !== undefined) {
  const plain = (all: readonly Figures[]): readonly object[] => all.map((figures) => Object.fromEntries(figures));
  await writeFile(
    values.json,
    JSON.stringify({ mswarm: plain(measured.mswarm), docker: plain(measured.docker) }, undefined, 2),
  );
}
