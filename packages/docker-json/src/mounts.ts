import { invalidArgument } from "@mswarm/runtime";
import type {
  Mount,
  Mount_BindOptions,
  Mount_BindOptions_Propagation,
  Mount_Consistency,
  Mount_TmpfsOptions,
  Mount_Type,
  Mount_VolumeOptions,
} from "@mswarm/wire";
import { driver } from "./basics.ts";
import { adjusted, listOf, mapOf } from "./collections.ts";
import type { Json } from "./json.ts";
import { fieldsOf, jsonFields, unplaced } from "./message.ts";
import { flag, int64, text, uint32, wordOf } from "./scalars.ts";
import type { Shape } from "./shape.ts";

const mountType = wordOf<Mount_Type>(
  { BIND: "bind", VOLUME: "volume", TMPFS: "tmpfs", NPIPE: "npipe", CLUSTER: "cluster" },
  (word) => `invalid MountType: ${JSON.stringify(word)}`,
  { ignoresCase: true },
);

const consistency = wordOf<Mount_Consistency>(
  { DEFAULT: "default", CONSISTENT: "consistent", CACHED: "cached", DELEGATED: "delegated" },
  (word) => `invalid Consistency: ${JSON.stringify(word)}`,
);

const propagation = wordOf<Mount_BindOptions_Propagation>(
  { RPRIVATE: "rprivate", PRIVATE: "private", RSHARED: "rshared", SHARED: "shared", RSLAVE: "rslave", SLAVE: "slave" },
  (word) => `invalid MountPropagation: ${JSON.stringify(word)}`,
  { ignoresCase: true },
);

const binds = fieldsOf<Mount_BindOptions>("BindOptions");
const bindOptions = binds.message(
  [
    binds.field("Propagation", "propagation", propagation, { always: true }),
    binds.field("NonRecursive", "nonrecursive", flag),
    binds.field("CreateMountpoint", "createmountpoint", flag, { since: 42 }),
    binds.field("ReadOnlyNonRecursive", "readonlynonrecursive", flag, { since: 44 }),
    binds.field("ReadOnlyForceRecursive", "readonlyforcerecursive", flag, { since: 44 }),
  ],
  {},
);

const volumes = fieldsOf<Mount_VolumeOptions>("VolumeOptions");
const volumeOptions = volumes.message(
  [
    volumes.field("NoCopy", "nocopy", flag),
    volumes.field("Labels", "labels", mapOf(text)),
    volumes.field("Subpath", "subpath", text, { since: 45 }),
    volumes.field("DriverConfig", "driverConfig", driver),
  ],
  {},
);

const listOfLists = listOf(listOf(text), "[][]string");

/** On the wire it is a text with JSON in it. Source: moby daemon/cluster/convert/container.go. */
const mountOptions: Shape<string> = {
  zero: "",
  isZero: (value) => value === "" || value === "null",
  write: (value) => parsedOptions(value),
  read: (json, place) => JSON.stringify(listOfLists.read(json, place)),
};

/** What is no list of lists came by another way than this API, and is shown as none. */
function parsedOptions(value: string): Json {
  try {
    return listOfLists.write(listOfLists.read(JSON.parse(value) as Json, unplaced));
  } catch {
    return [];
  }
}

const tmpfs = fieldsOf<Mount_TmpfsOptions>("TmpfsOptions");
const tmpfsOptions = tmpfs.message(
  [
    tmpfs.field("SizeBytes", "sizeBytes", int64),
    tmpfs.field("Mode", "mode", uint32),
    tmpfs.field("Options", "options", mountOptions, { since: 46 }),
  ],
  {},
);

const mounts = fieldsOf<Mount>("Mount");
const table = mounts.message(
  [
    mounts.field("Type", "type", mountType, { always: true }),
    mounts.field("Source", "source", text),
    mounts.field("Target", "target", text),
    mounts.field("ReadOnly", "readonly", flag),
    mounts.field("Consistency", "consistency", consistency),
    mounts.field("BindOptions", "bindOptions", bindOptions),
    mounts.field("VolumeOptions", "volumeOptions", volumeOptions),
    mounts.field("TmpfsOptions", "tmpfsOptions", tmpfsOptions),
  ],
  {},
);

export const mount: Shape<Mount> = adjusted(table, {
  read: (json, place) => {
    const fields = jsonFields(json, place);
    const foreign = ["ImageOptions", "ClusterOptions"].find((name) => fields.get(name) !== undefined);
    if (foreign !== undefined) throw invalidArgument(`mounts with ${foreign} are not supported in services`);
    const { bindOptions: options, ...rest } = table.read(json, place);
    if (options === undefined) return rest;
    // `BindOptions: {}` says nothing, and Docker stores nothing; a propagation that is spelled out is stored.
    const said = jsonFields(fields.get("BindOptions") ?? {}, place).get("Propagation");
    return Object.keys(options).length === 0 && (said ?? "") === "" ? rest : { ...rest, bindOptions: options };
  },
});
