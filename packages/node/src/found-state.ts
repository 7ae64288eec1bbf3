// What a start finds in the state directory, and what it makes of it.
import { CertificateRejected, describeCertificate, IdentityFiles, NodeLocked } from "@mswarm/pki";
import { type Clock, isSwarmError, messageOf, type Random } from "@mswarm/runtime";
import type { RemotePeer } from "@mswarm/worker";
import { expiredText, lockedText } from "./control-texts.ts";
import { Credentials } from "./credentials.ts";
import { loadRemotes, loadSettings, type NodeSettings } from "./settings.ts";
import type { StateDirectory } from "./state-directory.ts";

/** Something on disk cannot be used. */
export interface Problem {
  /** For a person: what is wrong and what to do. */
  readonly problem: string;
  /** True when time alone may heal it: a clock that is not set yet. */
  readonly passes: boolean;
}

export interface Findings {
  readonly settings: NodeSettings | Problem | undefined;
  readonly identity: "none" | "usable" | Problem;
  readonly remotes: "usable" | Problem;
  readonly hasLog: boolean;
}

export type Verdict =
  /** This node belongs to no cluster. */
  | { readonly kind: "inactive" }
  /** Half of an init or join that a crash ended: it is deleted, as if it had never been asked. */
  | { readonly kind: "undo"; readonly what: string }
  | { readonly kind: "member"; readonly settings: NodeSettings }
  /** Nothing is started and nothing deleted; a person decides. */
  | ({ readonly kind: "broken" } & Problem);

const repair = "restore it from a backup, or give this node up (mswarm leave --force) and join again";
const lasting = (problem: string): Problem => ({ problem, passes: false });

/** The table of `docs/subsystems/node.md`. Pure. */
export function judge({ settings, identity, remotes, hasLog }: Findings): Verdict {
  if (settings !== undefined && "problem" in settings) return { kind: "broken", ...settings };
  if (settings?.phase === "initialising") return { kind: "undo", what: "an init whose cluster was not ready yet" };
  if (settings?.phase === "joining" && identity === "none") {
    return { kind: "undo", what: "a join that had not been answered with a certificate yet" };
  }
  if (typeof identity === "object") return { kind: "broken", ...identity };
  if (settings === undefined) {
    if (identity === "none" && !hasLog) return { kind: "inactive" };
    const missing = identity === "none" ? "the certificates and daemon.json are missing" : "daemon.json is missing";
    return { kind: "broken", ...lasting(`${missing} from the state directory: ${repair}`) };
  }
  if (identity === "none") {
    return { kind: "broken", ...lasting(`the certificates are missing from the state directory: ${repair}`) };
  }
  if (remotes !== "usable") return { kind: "broken", ...remotes };
  return { kind: "member", settings };
}

export interface FoundState {
  readonly verdict: Verdict;
  readonly credentials: Credentials | undefined;
  readonly remotes: readonly RemotePeer[];
  /** By the certificate, even one that is expired; undefined where none can be read. */
  readonly nodeId: string | undefined;
}

/** Reads the state directory; changes nothing. Never rejects for what it finds there. */
export async function findState(
  state: StateDirectory,
  parts: { readonly clock: Clock; readonly random: Random },
): Promise<FoundState> {
  const settings = await attempt(() => loadSettings(state.daemonFile));
  const credentials = await attempt(() => Credentials.load(state.certificates, parts), identityProblem);
  const remotes = await attempt(() => loadRemotes(state.stateFile));
  const found = {
    settings: settings.problem ?? settings.value,
    identity: credentials.problem ?? (credentials.value === undefined ? "none" : "usable"),
    remotes: remotes.problem ?? "usable",
    hasLog: state.hasLog(),
  } as const;
  return {
    verdict: judge(found),
    credentials: credentials.value,
    remotes: remotes.value ?? [],
    nodeId: credentials.value?.identity.nodeId ?? (await nodeIdOnDisk(state, parts.random)),
  };
}

type Attempted<T> =
  | { readonly value: T; readonly problem?: never }
  | { readonly value?: never; readonly problem: Problem };

async function attempt<T>(
  read: () => Promise<T>,
  toProblem: (error: unknown) => Problem = (error) => lasting(`${messageOf(error)}; ${repair}`),
): Promise<Attempted<T>> {
  try {
    return { value: await read() };
  } catch (error) {
    return { problem: toProblem(error) };
  }
}

/** Why this node's own certificate cannot be used, in a sentence. */
export function identityProblem(error: unknown): Problem {
  if (error instanceof NodeLocked) return lasting(lockedText);
  if (error instanceof CertificateRejected) {
    if (error.rule === "expired") return { problem: expiredText, passes: true };
    if (error.rule === "not-yet-valid") {
      return { problem: "this node's certificate is not valid yet: is the clock of this machine right?", passes: true };
    }
    return lasting(`this node's certificate is not one of its cluster (${error.message}): ${repair}`);
  }
  return lasting(
    isSwarmError(error) ? `${error.message}: ${repair}` : `the certificates cannot be read: ${messageOf(error)}`,
  );
}

async function nodeIdOnDisk(state: StateDirectory, random: Random): Promise<string | undefined> {
  try {
    const identity = await new IdentityFiles(state.certificates, { random }).load();
    return identity === undefined ? undefined : describeCertificate(identity.certificatePem).nodeId;
  } catch {
    // What is wrong with it has been said already.
    return undefined;
  }
}
