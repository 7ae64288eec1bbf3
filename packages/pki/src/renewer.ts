import { type Clock, type Duration, type Logger, messageOf, milliseconds, minutes, type Random } from "@mswarm/runtime";
import type { CertificateRole, NodeCertificate } from "./node-certificate.ts";
import { renewalBackoff, renewalDelay, type Validity } from "./renewal.ts";

export interface RenewerParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** The certificate in use; undefined while it cannot be read. Asked anew before every wait. */
  current(): Validity | undefined;
  /** Gets and stores a new certificate: `requestNodeCertificate`, then `IdentityFiles.update`. Rejects to be asked again. */
  requestCertificate(signal: AbortSignal): Promise<NodeCertificate>;
  /** After each success, also when the role is not yet the expected one. */
  onRenewed(certificate: NodeCertificate): void;
}

/** The order to renew comes for every node at about the same time; a moment lets several orders become one. */
const forcedDelay: Duration = milliseconds(500);
/** How often an own certificate that cannot be read is looked at again. */
const unreadableDelay: Duration = minutes(5);

/**
 * Keeps one node's certificate fresh: waits until 50–80 % of its life, asks for a new one, backs off on failures, and
 * asks at once when told to. It only waits and asks; where certificates come from and go to is given.
 * Source: swarmkit ca/renewer.go, TLSRenewer.
 */
export class Renewer {
  readonly #parts: RenewerParts;
  #isForced = false;
  #expectedRole: CertificateRole | undefined;
  #interrupt: (() => void) | undefined;

  constructor(parts: RenewerParts) {
    this.#parts = parts;
  }

  /**
   * Asks for a certificate soon, whatever the age of the present one.
   *
   * @param expectedRole  go on asking until a certificate has this role; absent: any role will do, and an earlier
   *   expectation stays
   */
  renewNow(expectedRole?: CertificateRole): void {
    this.#isForced = true;
    this.#expectedRole = expectedRole ?? this.#expectedRole;
    this.#interrupt?.();
  }

  /** Runs until `signal` aborts, then resolves. */
  async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      const isOrdered = this.#isForced && failures === 0;
      if (!(await this.#wait(this.#delay(failures), !isOrdered, signal))) {
        // A new order ends a back-off: what was in the way may be gone.
        failures = 0;
        continue;
      }
      if (!isOrdered && failures === 0 && this.#parts.current() === undefined) continue;
      this.#isForced = false;
      failures = (await this.#renew(signal)) ? 0 : failures + 1;
    }
  }

  #delay(failures: number): Duration {
    const { clock, random } = this.#parts;
    if (failures > 0) return renewalBackoff(failures, random);
    if (this.#isForced) return forcedDelay;
    const validity = this.#parts.current();
    return validity === undefined ? unreadableDelay : renewalDelay(validity, clock.now(), random);
  }

  /** True when the span has passed; false when a new order came first or the signal aborted. */
  #wait(span: Duration, canBeOrdered: boolean, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const finish = (hasPassed: boolean): void => {
        timer.cancel();
        this.#interrupt = undefined;
        signal.removeEventListener("abort", onAbort);
        resolve(hasPassed);
      };
      const onAbort = (): void => finish(false);
      const timer = this.#parts.clock.timer(span, () => finish(true));
      signal.addEventListener("abort", onAbort, { once: true });
      // A second order does not restart the wait of the first.
      this.#interrupt = canBeOrdered ? () => finish(false) : undefined;
    });
  }

  async #renew(signal: AbortSignal): Promise<boolean> {
    const { log, onRenewed } = this.#parts;
    let certificate: NodeCertificate;
    try {
      certificate = await this.#parts.requestCertificate(signal);
    } catch (error) {
      if (!signal.aborted) log.warn({ reason: messageOf(error) }, "could not renew the node's certificate");
      return false;
    }
    onRenewed(certificate);
    if (this.#expectedRole !== undefined && certificate.role !== this.#expectedRole) {
      log.info(
        { role: certificate.role, expectedRole: this.#expectedRole },
        "the new certificate has not the expected role",
      );
      return false;
    }
    this.#expectedRole = undefined;
    return true;
  }
}
