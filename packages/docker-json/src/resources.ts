import { invalidArgument } from "@mswarm/runtime";
import type {
  DiscreteGenericResource,
  GenericResource,
  NamedGenericResource,
  ResourceRequirements,
  Resources,
} from "@mswarm/wire";
import { saidByMember } from "./basics.ts";
import { adjusted, listOf, wrapped } from "./collections.ts";
import { fieldsOf } from "./message.ts";
import { int64, text } from "./scalars.ts";
import type { Shape } from "./shape.ts";

const named = fieldsOf<NamedGenericResource>("NamedGenericResource");
const namedResource = named.message([named.field("Kind", "kind", text), named.field("Value", "value", text)], {});

const discrete = fieldsOf<DiscreteGenericResource>("DiscreteGenericResource");
const discreteResource = discrete.message(
  [discrete.field("Kind", "kind", text), discrete.field("Value", "value", int64)],
  {},
);

const generic = fieldsOf<GenericResource>("GenericResource");
const genericTable = generic.message(
  [
    generic.field("NamedResourceSpec", "namedResourceSpec", namedResource),
    generic.field("DiscreteResourceSpec", "discreteResourceSpec", discreteResource),
  ],
  { resource: saidByMember },
);

/** One of the two. */
const genericResource: Shape<GenericResource> = adjusted(genericTable, {
  read: (json, place) => {
    const resource = genericTable.read(json, place);
    if (Object.keys(resource).length === 1) return resource;
    throw invalidArgument("a generic resource has either a NamedResourceSpec or a DiscreteResourceSpec");
  },
});

/** A list of them. */
export const genericResources: Shape<GenericResource[]> = listOf(genericResource, "[]swarm.GenericResource");

const limitFields = fieldsOf<Resources>("Limit");
const limits = limitFields.message(
  [limitFields.field("NanoCPUs", "nanoCpus", int64), limitFields.field("MemoryBytes", "memoryBytes", int64)],
  { generic: "limits have none" },
);

const resourceFields = fieldsOf<Resources>("Resources");

/** What a task reserves, or a node has. */
export const resources: Shape<Resources> = resourceFields.message(
  [
    resourceFields.field("NanoCPUs", "nanoCpus", int64),
    resourceFields.field("MemoryBytes", "memoryBytes", int64),
    resourceFields.field("GenericResources", "generic", genericResources),
  ],
  {},
);

const requirements = fieldsOf<ResourceRequirements>("ResourceRequirements");
const requirementTable = requirements.message(
  [
    requirements.field("Limits", "limits", limits),
    requirements.field("Reservations", "reservations", resources),
    requirements.field("SwapBytes", "swapBytes", wrapped(int64), { since: 52 }),
    requirements.field("MemorySwappiness", "memorySwappiness", wrapped(int64), { since: 52 }),
  ],
  {},
);

export const resourceRequirements: Shape<ResourceRequirements> = adjusted(requirementTable, {
  read: (json, place) => {
    const read = requirementTable.read(json, place);
    if (read.swapBytes !== undefined && (read.limits?.memoryBytes ?? "0") === "0") {
      throw invalidArgument("memory swap provided, but no memory-limit was set");
    }
    return read;
  },
});
