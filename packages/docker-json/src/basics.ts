// What many objects are made of: names and labels, versions, drivers, platforms.
import type { Annotations, Driver, Meta, Platform, Version } from "@mswarm/wire";
import { mapOf } from "./collections.ts";
import { byValue, fieldsOf } from "./message.ts";
import { text, uint64 } from "./scalars.ts";
import type { MessageShape, Shape } from "./shape.ts";
import { time } from "./times.ts";

/** Why the name of a oneof is no field of the JSON. */
export const saidByMember = "the member that is there says it";

const named = fieldsOf<Annotations>("Annotations");

/** `Name` and `Labels`, in the JSON of the object that has them. */
export const annotations: Shape<Annotations> = named.message(
  [named.field("Name", "name", text), named.field("Labels", "labels", mapOf(text), { always: true })],
  { indices: "indexes of the store, for SwarmKit's extensions alone" },
);

const versions = fieldsOf<Version>("Version");
export const version: Shape<Version> = versions.message([versions.field("Index", "index", uint64)], {});

const metas = fieldsOf<Meta>("Meta");

/** `Version`, `CreatedAt` and `UpdatedAt`, in the JSON of the object that has them. */
export const meta: MessageShape<Meta> = metas.message(
  [
    metas.field("Version", "version", version, byValue),
    metas.field("CreatedAt", "createdAt", time, { always: true, absentAs: "1970-01-01T00:00:00Z" }),
    metas.field("UpdatedAt", "updatedAt", time, { always: true, absentAs: "1970-01-01T00:00:00Z" }),
  ],
  {},
);

const drivers = fieldsOf<Driver>("Driver");
export const driver: Shape<Driver> = drivers.message(
  [drivers.field("Name", "name", text), drivers.field("Options", "options", mapOf(text))],
  {},
);

const platforms = fieldsOf<Platform>("Platform");
export const platform: Shape<Platform> = platforms.message(
  [platforms.field("Architecture", "architecture", text), platforms.field("OS", "os", text)],
  {},
);
