// Networks that exist on every node already (`bridge`, `host`) can be used by services; others need the network
// allocator with subnets and VXLAN ids.
import { foldName, networks, type ReadTransaction } from "@mswarm/store";
import type { Network, NetworkAttachment, Task } from "@mswarm/wire";

/** Label of the networks that stand for those of the local engine. */
const predefinedLabel = "com.docker.swarm.predefined";

export type AttachmentAllocation =
  | { readonly attachments: readonly NetworkAttachment[]; readonly refusal?: undefined }
  | { readonly attachments?: undefined; readonly refusal: string };

/**
 * The network with its driver state; the same object when it has one, undefined when we cannot allocate it.
 * Source: wire reference 7.12: predefined networks get a driver name only.
 */
export function allocatedNetwork(network: Network): Network | undefined {
  if (network.driverState !== undefined) return network;
  if (network.spec?.annotations?.labels?.[predefinedLabel] !== "true") return undefined;
  const name = network.spec.driverConfig?.name ?? network.spec.annotations.name ?? "";
  return { ...network, driverState: { name } };
}

/** What the networks of a task's spec become on the task: each with the whole Network object. */
export function attachmentsOf(task: Task, tx: ReadTransaction): AttachmentAllocation {
  const attachments: NetworkAttachment[] = [];
  for (const { target = "", aliases, driverAttachmentOpts } of task.spec?.networks ?? []) {
    const found = tx.get(networks, target) ?? tx.by(networks, "name", foldName(target))[0];
    if (found === undefined) return { refusal: `network ${target} not found` };
    const name = found.spec?.annotations?.name ?? target;
    const network = allocatedNetwork(found);
    if (network === undefined || !isNodeLocal(network)) {
      return { refusal: `network ${name} cannot be used yet: only the networks bridge and host of each node can` };
    }
    attachments.push({
      network,
      ...(aliases === undefined ? {} : { aliases }),
      ...(driverAttachmentOpts === undefined ? {} : { driverAttachmentOpts }),
    });
  }
  return { attachments };
}

const isNodeLocal = (network: Network): boolean => network.spec?.annotations?.labels?.[predefinedLabel] === "true";
