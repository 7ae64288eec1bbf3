import { SwarmError } from "@mswarm/runtime";

/**
 * Why a certificate chain was refused. One word per rule of `certificate-chain.ts`:
 *
 * - `malformed`: not parsable, trailing bytes, doubled extensions, or more certificates than any cluster sends
 * - `unsupported`: a signature algorithm, key or critical extension that this verifier does not know
 * - `unknown-authority`: no path to a certificate of the root bundle with valid signatures
 * - `not-yet-valid`, `expired`: the clock is outside the dates of a certificate of the path
 * - `not-an-authority`: an issuer without the CA flag, without certificate signing, or beyond its path length
 * - `authority-as-leaf`: the peer's own certificate is a CA
 * - `usage`: key usage or extended key usage does not allow this use
 * - `server-name`: none of the alternative names is the one that was asked for
 * - `subject`: not exactly one node id, role and cluster in the subject
 * - `role`: a worker's certificate where only a manager may answer
 * - `cluster`: a certificate of another cluster
 */
export type ChainRule =
  | "malformed"
  | "unsupported"
  | "unknown-authority"
  | "not-yet-valid"
  | "expired"
  | "not-an-authority"
  | "authority-as-leaf"
  | "usage"
  | "server-name"
  | "subject"
  | "role"
  | "cluster";

/** A certificate chain that was not accepted; UNAUTHENTICATED on the wire. */
export class CertificateRejected extends SwarmError {
  readonly rule: ChainRule;

  constructor(rule: ChainRule, message: string, options?: { cause?: unknown }) {
    super("UNAUTHENTICATED", message, options);
    this.rule = rule;
  }
}
