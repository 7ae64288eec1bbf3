// The same session of stock `docker` commands against real Docker and against mswarm: the same exit codes and, once ids, times
// and addresses are normalised, the same words.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cryptoRandom, systemClock } from "@mswarm/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CommandResult, type DockerCli, dockerClis } from "../support/docker-cli.ts";
import { type DockerEngine, startDockerEngine } from "../support/docker-engine.ts";
import { normalized } from "../support/docker-output.ts";
import { eventually } from "../support/eventually.ts";
import { TestCluster } from "../support/test-cluster.ts";
import { TestNetwork } from "../support/test-network.ts";
import { type SessionCommand, sessionCommands } from "./docker-session.ts";
import { differenceOf } from "./session-differences.ts";

const clis = await dockerClis();
const random = cryptoRandom();
const clock = systemClock();
/** Listed differences that a session has shown. */
const shownDifferences = new Set<string>();
/** Of both nodes. */
const hostname = "node";
let network: TestNetwork;
let real: DockerEngine;
let engine: DockerEngine;
let cluster: TestCluster;

beforeAll(async () => {
  // Each on a machine of its own: a swarm makes networks, and on the host they would be those of every engine there.
  network = await TestNetwork.start();
  const start = async (): Promise<DockerEngine> =>
    await startDockerEngine({ machine: await network.machine(hostname) });
  [real, engine] = await Promise.all([start(), start()]);
  cluster = await TestCluster.create(engine.address);
  await cluster.add(hostname).start();
});
afterAll(async () => {
  await cluster?.stop();
  await Promise.all([real?.stop(), engine?.stop()]);
  await network?.stop();
});

test("the session has at least 150 commands", () => {
  expect(sessionCommands.length).toBeGreaterThanOrEqual(150);
});

test.each(clis.map((cli) => [cli.version, cli] as const))("docker %s says the same of both", async (version, cli) => {
  const context = await cluster.ownFolder(`context-${version}`);
  await mkdir(context, { recursive: true });
  await writeFile(join(context, "Dockerfile"), `FROM ${engine.image}\nRUN echo made >/made\n`);
  const start = String(Math.floor(clock.now() / 1_000));
  const values = { image: engine.image, hostname, context, start };
  const [theirs, ours] = await Promise.all([
    session(cli, real.address, { ...values, ...freeAddress() }),
    session(cli, `unix://${cluster.daemons[0]?.apiPath}`, { ...values, ...freeAddress() }),
  ]);
  const differences: string[] = [];
  for (const [index, command] of sessionCommands.entries()) {
    const line = lineOf(command);
    const [expected, actual] = [theirs[index] ?? "", ours[index] ?? ""];
    if (expected === actual) continue;
    if (differenceOf(line) !== undefined) shownDifferences.add(line);
    else differences.push(`docker ${line}\n--- Docker\n${expected}\n+++ mswarm\n${actual}`);
  }
  expect(differences.join("\n\n")).toBe("");
});

test("every listed difference is one", () => {
  const listed = sessionCommands.map(lineOf).filter((line) => differenceOf(line) !== undefined);
  expect(listed.filter((line) => !shownDifferences.has(line))).toEqual([]);
});

const lineOf = ({ args }: SessionCommand): string => args.join(" ");

/** Ports of loopback addresses that no other test uses. */
function freeAddress(): { readonly address: string; readonly port: string; readonly free: string } {
  const address = `127.${2 + random.below(250)}.${1 + random.below(254)}.${1 + random.below(254)}`;
  return { address, port: String(20_000 + random.below(5_000)), free: String(25_000 + random.below(5_000)) };
}

/** What each command printed, and its exit code. */
async function session(
  cli: DockerCli,
  address: string,
  values: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const socket = address.replace("unix://", "");
  const results: string[] = [];
  for (const command of sessionCommands) {
    const args = command.args.map((word) =>
      word.replaceAll(/\{[a-z]+\}/g, (place) => values[place.slice(1, -1)] ?? place),
    );
    const asked = async (): Promise<CommandResult> => {
      const result = await cli.run(socket, args, command);
      if (command.soon === true && result.out === "") throw expect.fail(`nothing yet: docker ${lineOf(command)}`);
      return result;
    };
    results.push(shown(command.soon === true ? await eventually(asked) : await asked(), values));
  }
  return results;
}

function shown({ code, out, err }: CommandResult, { free = "" }: Readonly<Record<string, string>>): string {
  return `${normalized(`${out}${err}`).replaceAll(free, "<port>")}exit ${code}`;
}
