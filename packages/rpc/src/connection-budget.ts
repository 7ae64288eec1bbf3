import { isIPv6 } from "node:net";
import type { NodeIdentity } from "./call.ts";
import type { RpcLimits } from "./limits.ts";

/**
 * What addresses share a budget: one IPv4 address, or one IPv6 /64, because a host owns a whole one.
 */
export function addressKey(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, "");
  if (!isIPv6(plain)) return plain;
  const [head = "", tail] = plain.split("%")[0]?.split("::") ?? [];
  const groups = head === "" ? [] : head.split(":");
  const rest = tail === undefined || tail === "" ? [] : tail.split(":");
  const filled =
    tail === undefined ? groups : [...groups, ...Array(8 - groups.length - rest.length).fill("0"), ...rest];
  return `${filled.slice(0, 4).join(":")}/64`;
}

/** Counts one kind of thing by key, below a bound for each key and one for all. */
class Tally {
  readonly #counts = new Map<string, number>();
  readonly #total: number;
  readonly #perKey: number;
  #sum = 0;

  constructor(total: number, perKey: number) {
    this.#total = total;
    this.#perKey = perKey;
  }

  /** Takes a place; undefined when there is none, otherwise how to give it back (once). */
  take(key: string, most: number = this.#perKey): (() => void) | undefined {
    const count = this.#counts.get(key) ?? 0;
    if (this.#sum >= this.#total || count >= most) return undefined;
    this.#counts.set(key, count + 1);
    this.#sum += 1;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#sum -= 1;
      const left = (this.#counts.get(key) ?? 1) - 1;
      if (left === 0) this.#counts.delete(key);
      else this.#counts.set(key, left);
    };
  }
}

/** The places a server has for connections. Each `take…` answers with how to give the place back, or undefined. */
export class ConnectionBudget {
  readonly #connections: Tally;
  readonly #handshakes: Tally;
  readonly #strangers: Tally;
  readonly #nodes: Tally;
  readonly #perWorker: number;

  constructor(limits: RpcLimits) {
    this.#connections = new Tally(limits.maxConnections, limits.maxConnections);
    this.#handshakes = new Tally(limits.maxHandshakes, limits.maxHandshakesPerAddress);
    this.#strangers = new Tally(limits.maxStrangers, limits.maxStrangersPerAddress);
    this.#perWorker = limits.maxConnectionsPerWorker;
    this.#nodes = new Tally(limits.maxConnections, limits.maxConnectionsPerNode);
  }

  takeConnection(): (() => void) | undefined {
    return this.#connections.take("");
  }

  takeHandshake(address: string): (() => void) | undefined {
    return this.#handshakes.take(addressKey(address));
  }

  takeStranger(address: string): (() => void) | undefined {
    return this.#strangers.take(addressKey(address));
  }

  takeNode({ nodeId, role }: NodeIdentity): (() => void) | undefined {
    return this.#nodes.take(nodeId, role === "swarm-worker" ? this.#perWorker : undefined);
  }
}
