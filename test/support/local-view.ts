// What one manager holds itself. The control socket answers with what the leader holds; TCP Control is not forwarded (wire
// 1.2), so asking there, with the manager's own certificate, shows its own store.
import { join } from "node:path";
import { IdentityFiles, managerServerName } from "@mswarm/pki";
import { openChannel, TlsMaterial } from "@mswarm/rpc";
import { invariant, systemClock } from "@mswarm/runtime";
import type { DaemonProcess } from "./daemon-process.ts";
import { callLimit } from "./eventually.ts";
import type { Control } from "./test-cluster.ts";

/** Runs `use` on the `Control` of exactly this manager. */
export async function withLocalControl<R>(manager: DaemonProcess, use: (control: Control) => Promise<R>): Promise<R> {
  const identity = await new IdentityFiles(join(manager.stateDirectory, "certificates")).load();
  invariant(identity !== undefined, "a manager has an identity");
  const channel = openChannel({
    address: manager.managerAddress,
    serverName: managerServerName,
    tls: new TlsMaterial(identity),
    verifier: "none",
    clock: systemClock(),
  });
  try {
    return await use(channel.client("docker.swarmkit.v1.Control"));
  } finally {
    channel.close();
  }
}

/** Names of the secrets in this manager's own store. */
export async function localSecretNames(manager: DaemonProcess): Promise<ReadonlySet<string>> {
  const { secrets = [] } = await withLocalControl(manager, (control) =>
    control.ListSecrets({}, { timeout: callLimit }),
  );
  return new Set(secrets.map(({ spec }) => spec?.annotations?.name ?? ""));
}
