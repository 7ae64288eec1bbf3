// Machines on one Ethernet, for programs that want addresses of their own: each is a network namespace, joined by a bridge
// that lies in a namespace too, so that no packet filter of this machine sees the traffic. Every namespace is held by a
// process that ends with the test process: nothing is left, whatever happens.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { readlink } from "node:fs/promises";
import { promisify } from "node:util";
import { failedPrecondition, messageOf } from "@mswarm/runtime";
import { eventually } from "./eventually.ts";
import { type SubnetLink, takeSubnet } from "./free-subnet.ts";

const run = promisify(execFile);

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

  private constructor({ subnet, link }: SubnetLink, switchHolder: ChildProcess) {
    this.subnet = subnet;
    this.#link = link;
    this.#switch = switchHolder;
  }

  static async start(): Promise<TestNetwork> {
    const holder = await holdNamespace();
    let network: TestNetwork | undefined;
    try {
      await inside(holder, "ip link add lan type bridge && ip link set lan up");
      const own = await takeSubnet((link) => layCable(holder, "host", link));
      network = new TestNetwork(own, holder);
      // Daemons on the host's side of the cable take these.
      const hosts = [1, ...Array.from({ length: localAddresses }, (_unused, index) => 11 + index)];
      const commands = hosts.map((last) => `ip address add ${own.subnet}.${last}/24 dev ${own.link}`);
      await shell([...commands, `ip link set ${own.link} up`].join(" && "));
      return network;
    } catch (error) {
      await network?.stop();
      holder.kill("SIGKILL");
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
