import { Metadata } from "@grpc/grpc-js";
import type { CallMetadata } from "./client.ts";

/** Header names of a forwarded call. Source: swarmkit ca/forward.go, wire reference 1.4. */
export const headerNames = {
  forwarded: "forwarded_cert",
  nodeId: "forwarded_cert_cn",
  clusterId: "forwarded_cert_org",
  role: "forwarded_cert_ou",
  remoteAddress: "remote_addr",
  redirect: "redirect",
  user: "mswarm-user",
} as const;

/** Headers in the form of grpc-js. */
export function metadataOf(headers: CallMetadata | undefined): Metadata {
  const metadata = new Metadata();
  for (const [name, values] of Object.entries(headers ?? {})) {
    for (const value of typeof values === "string" ? [values] : values) metadata.add(name, value);
  }
  return metadata;
}

/** What a request says about where it comes from. Claims only: `authorize` decides whether they count. */
export interface ForwardedClaims {
  /** Values of `forwarded_cert`; empty for a call that claims nothing. */
  readonly forwarded: readonly string[];
  /** Values of `redirect`. */
  readonly redirect: readonly string[];
  readonly nodeId: string;
  readonly clusterId: string;
  readonly roles: readonly string[];
  readonly remoteAddress: string;
  readonly user: string | undefined;
}

const noClaims: ForwardedClaims = {
  forwarded: [],
  redirect: [],
  nodeId: "",
  clusterId: "",
  roles: [],
  remoteAddress: "",
  user: undefined,
};

const texts = (metadata: Metadata, name: string): string[] => metadata.get(name).map(String);

export function readClaims(metadata: Metadata): ForwardedClaims {
  const forwarded = texts(metadata, headerNames.forwarded);
  const redirect = texts(metadata, headerNames.redirect);
  const user = texts(metadata, headerNames.user);
  if (forwarded.length === 0 && redirect.length === 0 && user.length === 0) return noClaims;
  return {
    forwarded,
    redirect,
    nodeId: texts(metadata, headerNames.nodeId).join(),
    clusterId: texts(metadata, headerNames.clusterId).join(),
    // Node joins repeated headers with ", " (wire reference 12, trap 6).
    roles: texts(metadata, headerNames.role).flatMap((value) => value.split(/,\s*/).filter((role) => role !== "")),
    remoteAddress: texts(metadata, headerNames.remoteAddress)[0] ?? "",
    user: user.length === 1 && user[0] !== "" ? user[0] : undefined,
  };
}
