// Machines on one Ethernet, for programs that want addresses of their own: each is a network namespace, joined by a bridge
// that lies in a namespace too, so that no packet filter of this machine sees the traffic. Every namespace is held by a
// process that ends with the test process: nothing is left, whatever happens.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { readlink } from "node:fs/promises";
import { promisify } from "node:util";
import { cryptoRandom, failedPrecondition, messageOf } from "@mswarm/runtime";
import { eventually } from "./eventually.ts";

const run = promisify(execFile);
const random = cryptoRandom();

/** Programs started with `enter` before their own command line see this machine's network and name, and the host's files. */
export interface TestMachine {
  /** Its hostname. */
  readonly name: string;
  /** IPv4, reached from all machines of the network and from the test itself. */
  readonly address: string;
  /** `["nsenter", …]` */
  readonly enter: readonly string[];
  /** Pulls the network cable: packets vanish, connections are not told. */
  cut(): Promise<void>;
  /** Puts the cable back. */
  heal(): Promise<void>;
}

export class TestNetwork {
  /** The first three numbers of all its addresses; `.1` is the test's own. */
  readonly subnet: string;
  readonly #link: string;
  readonly #switch: ChildProcess;
  readonly #machines: ChildProcess[] = [];
  #locals = 0;
  #count = 0;

  private constructor(subnet: string, link: string, switchHolder: ChildProcess) {
    this.subnet = subnet;
    this.#link = link;
    this.#switch = switchHolder;
  }

  static async start(): Promise<TestNetwork> {
    const subnet = await freeSubnet();
    const holder = await holdNamespace();
    const network = new TestNetwork(subnet, `msn${random.bytes(4).toString("hex")}`, holder);
    try {
      await inside(holder, "ip link add lan type bridge && ip link set lan up");
      await layCable(holder, "host", network.#link);
      // Daemons on the host's side of the cable take these.
      const own = [1, ...Array.from({ length: localAddresses }, (_unused, index) => 11 + index)];
      const commands = own.map((last) => `ip address add ${subnet}.${last}/24 dev ${network.#link}`);
      await shell([...commands, `ip link set ${network.#link} up`].join(" && "));
      return network;
    } catch (error) {
      await network.stop();
      throw error;
    }
  }

  /** An address of the host's own on this network that was not given before; at most 50. */
  localAddress(): string {
    if (this.#locals >= localAddresses) throw failedPrecondition("this test network has no local address left");
    this.#locals += 1;
    return `${this.subnet}.${10 + this.#locals}`;
  }

  /** A new machine; it lives until the network is stopped. @param name  at most 12 letters, digits and `-` */
  async machine(name: string): Promise<TestMachine> {
    this.#count += 1;
    const address = `${this.subnet}.${100 + this.#count}`;
    const port = `${this.#count}-${name}`.slice(0, 15);
    const holder = await holdNamespace();
    this.#machines.push(holder);
    await layCable(this.#switch, port, "eth0", holder);
    // Said aloud that there is nothing beyond, so that nobody waits for a name server: an engine asks registries first.
    const commands = ["ip link set eth0 up", "ip route add unreachable default", `hostname ${name}`];
    await inside(holder, [`ip address add ${address}/24 dev eth0`, ...commands].join(" && "));
    const turn = (state: "up" | "down"): Promise<void> => inside(this.#switch, `ip link set ${port} ${state}`);
    const enter = enterOf(holder);
    return { name, address, enter, cut: () => turn("down"), heal: () => turn("up") };
  }

  /** Ends all machines; programs that still run on them lose their network. */
  async stop(): Promise<void> {
    for (const holder of [...this.#machines, this.#switch]) holder.kill("SIGKILL");
    await shell(`ip link delete ${this.#link}`).catch(messageOf);
  }
}

const localAddresses = 50;

/** A process that does nothing in namespaces of its own. */
async function holdNamespace(): Promise<ChildProcess> {
  const sleep = ["--pdeathsig", "KILL", "unshare", "--net", "--uts", "sleep", "infinity"];
  const holder = spawn("setpriv", sleep, { stdio: "ignore" });
  const ours = await readlink("/proc/self/ns/uts");
  await eventually(async () => {
    if (holder.exitCode !== null)
      throw failedPrecondition("no network namespace can be made: tests of Docker need root");
    if ((await readlink(`/proc/${holder.pid}/ns/uts`)) === ours) throw failedPrecondition("no namespace yet");
  });
  await inside(holder, "ip link set lo up");
  return holder;
}

/** Lays a cable: `port` is its end in the switch, `end` the other one, in `machine` or, where that is absent, in the host. */
async function layCable(hub: ChildProcess, port: string, end: string, machine?: ChildProcess): Promise<void> {
  const where = machine === undefined ? "" : `netns ${machine.pid}`;
  await shell(`ip link add name ${end} ${where} type veth peer name ${port} netns ${hub.pid}`);
  await inside(hub, `ip link set ${port} master lan && ip link set ${port} up`);
}

async function shell(script: string): Promise<void> {
  await run("sh", ["-euc", script]);
}

const enterOf = ({ pid }: ChildProcess): readonly string[] => [
  ...["nsenter", `--net=/proc/${pid}/ns/net`, `--uts=/proc/${pid}/ns/uts`],
];

async function inside(holder: ChildProcess, script: string): Promise<void> {
  const [program = "", ...args] = enterOf(holder);
  await run(program, [...args, "sh", "-euc", script]);
}

/** One of 512 networks of the range for benchmarks, which nobody routes (RFC 2544), that this machine does not use yet. */
async function freeSubnet(): Promise<string> {
  const { stdout } = await run("ip", ["-4", "address"]);
  for (;;) {
    const subnet = `198.${18 + random.below(2)}.${random.below(256)}`;
    if (!stdout.includes(` ${subnet}.`)) return subnet;
  }
}
