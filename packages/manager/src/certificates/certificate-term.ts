// The CA of one leadership: signing loop, waiting callers, and limits, all in memory.
import {
  aborted,
  abortReason,
  type Clock,
  deferred,
  type Logger,
  resourceExhausted,
  type SwarmError,
  seconds,
  TokenBucket,
  Wakeup,
  whenAborted,
} from "@mswarm/runtime";
import { type Change, clusters, isChangeOf, nodes, type Store } from "@mswarm/store";
import type { Node } from "@mswarm/wire";
import { awaitsSignature, signFor } from "./issuance.ts";
import { joinRate, renewalRate } from "./rates.ts";
import { CurrentSigner, type SignerLoader } from "./signer.ts";

/** What could not be signed is tried again. Source: swarmkit ca/server.go, reconciliation ticker. */
const retryInterval = seconds(10);
/** Signatures whose writes are in flight together. */
const signaturesAtOnce = 64;
/** Nodes that hold a certificate or wait for one, and have never connected. A leaked token fills no more than this. */
const strangersMax = 2_000;
/** Calls of one node that wait for certificates; and those of strangers, from one address and altogether. */
const waitersPerNodeMax = 16;
const waitersPerAddressMax = 256;
const waitingStrangersMax = 4_096;

export const signerStopped = (): SwarmError => aborted("CA signer is stopped");

export interface CertificateParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly clusterId: string;
  readonly loadSigner: SignerLoader;
}

/** Who waits: a node that shows its certificate, or somebody at an address. */
export type Waiter = { readonly nodeId: string } | { readonly address: string };

export class CertificateTerm {
  readonly #parts: CertificateParts;
  readonly #signal: AbortSignal;
  readonly #signer: CurrentSigner;
  readonly #pending = new Set<string>();
  readonly #wakeup = new Wakeup();
  readonly #strangers = new Set<string>();
  readonly #joins: TokenBucket;
  readonly #renewals = new Map<string, TokenBucket>();
  readonly #waiters = new Map<string, Set<() => void>>();
  readonly #waitingOf = new Map<string, number>();
  #waitingStrangers = 0;
  #hasEnded = false;

  constructor(parts: CertificateParts, signal: AbortSignal) {
    this.#parts = parts;
    this.#signal = signal;
    this.#signer = new CurrentSigner(parts.loadSigner);
    this.#joins = new TokenBucket(parts.clock, joinRate);
  }

  /** Signs until the signal aborts; rejects when the store refuses a write. */
  async run(): Promise<void> {
    const { store } = this.#parts;
    const endWatch = store.watch((changes) => this.#changed(changes), [nodes, clusters]);
    store.view((tx) => {
      for (const node of tx.all(nodes)) this.#see(node);
    });
    try {
      while (!this.#signal.aborted) {
        const left = await untilAborted(this.#signPending(), this.#signal);
        if (this.#signal.aborted) return;
        await this.#pause(left);
      }
    } catch (error) {
      if (!this.#signal.aborted && store.isLeading) throw error;
      // A write that was refused because leadership is over: the signal is on its way.
      await whenAborted(this.#signal);
    } finally {
      endWatch();
      this.#hasEnded = true;
      for (const waiters of [...this.#waiters.values()]) for (const wake of [...waiters]) wake();
    }
  }

  /** Admits one more node. Errors: RESOURCE_EXHAUSTED. */
  admitJoin(): void {
    if (this.#strangers.size >= strangersMax) {
      throw resourceExhausted(
        `${strangersMax} nodes have joined without ever connecting: remove those that are not coming`,
      );
    }
    if (!this.#joins.take()) throw resourceExhausted("too many nodes are joining at once: try again in some seconds");
  }

  /** Admits one more renewal of a node that exists. Errors: RESOURCE_EXHAUSTED. */
  admitRenewal(nodeId: string): void {
    const known = this.#renewals.get(nodeId);
    const bucket = known ?? new TokenBucket(this.#parts.clock, renewalRate);
    if (known === undefined) this.#renewals.set(nodeId, bucket);
    if (!bucket.take()) throw resourceExhausted(`node ${nodeId} asks for certificates too often`);
  }

  /**
   * Resolves after the next change of the node object. Who waits takes his own places, not those of the node he asks
   * about: nobody can keep another from its certificate.
   * Errors: the signal's reason; ABORTED when the leadership ends; RESOURCE_EXHAUSTED when too many wait already.
   */
  async nodeChanged(nodeId: string, waiter: Waiter, signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw abortReason(signal);
    if (this.#hasEnded) throw signerStopped();
    const release = this.#takePlace(waiter);
    const waiters = this.#waiters.get(nodeId) ?? new Set();
    this.#waiters.set(nodeId, waiters);
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        signal.removeEventListener("abort", wake);
        if (!waiters.delete(wake)) return;
        if (waiters.size === 0) this.#waiters.delete(nodeId);
        release();
        resolve();
      };
      waiters.add(wake);
      signal.addEventListener("abort", wake, { once: true });
    });
    if (signal.aborted) throw abortReason(signal);
    if (this.#hasEnded) throw signerStopped();
  }

  #takePlace(waiter: Waiter): () => void {
    const isStranger = "address" in waiter;
    const key = isStranger ? `address ${waiter.address}` : `node ${waiter.nodeId}`;
    const count = this.#waitingOf.get(key) ?? 0;
    const isFull = isStranger
      ? count >= waitersPerAddressMax || this.#waitingStrangers >= waitingStrangersMax
      : count >= waitersPerNodeMax;
    if (isFull) throw resourceExhausted("too many callers wait for certificates");
    this.#waitingOf.set(key, count + 1);
    if (isStranger) this.#waitingStrangers += 1;
    return () => {
      const left = (this.#waitingOf.get(key) ?? 1) - 1;
      if (left > 0) this.#waitingOf.set(key, left);
      else this.#waitingOf.delete(key);
      if (isStranger) this.#waitingStrangers -= 1;
    };
  }

  /** Signs everything that waits; true when something could not be signed. */
  async #signPending(): Promise<boolean> {
    const { store, clusterId, log } = this.#parts;
    const issuance = { store, clusterId, log, signer: this.#signer };
    let isLeft = false;
    for (const batch of chunks([...this.#pending])) {
      const outcomes = await Promise.all(
        batch.map(async (nodeId) => {
          // Forgotten before, so that a change during the signature is not lost.
          this.#pending.delete(nodeId);
          const isDone = await signFor(nodeId, issuance);
          if (!isDone) this.#pending.add(nodeId);
          return isDone;
        }),
      );
      if (this.#signal.aborted) return isLeft;
      isLeft ||= outcomes.includes(false);
    }
    return isLeft;
  }

  async #pause(isLeft: boolean): Promise<void> {
    const timer = isLeft ? this.#parts.clock.timer(retryInterval, () => this.#wakeup.notify()) : undefined;
    try {
      await this.#wakeup.wait(this.#signal);
    } finally {
      timer?.cancel();
    }
  }

  #changed(changes: readonly Change[]): void {
    for (const change of changes) {
      if (isChangeOf(change, nodes)) {
        if (change.kind === "remove") this.#forget(change.object.id ?? "");
        else this.#see(change.object);
        for (const wake of [...(this.#waiters.get(change.object.id ?? "") ?? [])]) wake();
      } else if (this.#pending.size > 0) {
        // The root, its key or the expiry may be what the waiting ones wait for.
        this.#wakeup.notify();
      }
    }
  }

  #see(node: Node): void {
    const nodeId = node.id ?? "";
    if (node.description === undefined) this.#strangers.add(nodeId);
    else this.#strangers.delete(nodeId);
    if (!awaitsSignature(node)) return;
    this.#pending.add(nodeId);
    this.#wakeup.notify();
  }

  #forget(nodeId: string): void {
    this.#pending.delete(nodeId);
    this.#strangers.delete(nodeId);
    this.#renewals.delete(nodeId);
  }
}

/** Waits for `work`, but not beyond the end of the leadership: a signer may hang. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const over = deferred<never>();
  const onAbort = (): void => over.reject(abortReason(signal));
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([work, over.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function* chunks<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += signaturesAtOnce)
    yield items.slice(start, start + signaturesAtOnce);
}
