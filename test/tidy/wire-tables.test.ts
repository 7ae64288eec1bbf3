// Holds proto/ against the field tables of the protocol reference (extracted from moby/swarmkit and etcd-io/raft).
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import protobuf from "protobufjs";
import { expect, test } from "vitest";

type FieldRow = [number: number, name: string, type: string, cardinality: string];
interface Tables {
  readonly messages: Record<string, FieldRow[]>;
  readonly enums: Record<string, Record<string, number>>;
  readonly services: Record<string, Record<string, [kind: string, request: string, response: string]>>;
}

const protoDirectory = fileURLToPath(new URL("../../proto/", import.meta.url));
const fixture = new URL("../compatibility/fixtures/swarmkit-messages.json", import.meta.url);
const tables = JSON.parse(readFileSync(fixture, "utf8")) as Tables;

const root = new protobuf.Root();
root.resolvePath = (_origin, target) => protoDirectory + target;
const files = ["ca", "control", "dispatcher", "health", "logbroker", "raft", "resource", "snapshot", "watch"];
root.loadSync(
  files.map((file) => `docker/swarmkit/v1/${file}.proto`),
  { keepCase: true },
);
root.resolveAll();

const withoutDot = (name: string): string => name.replace(/^\./, "");
const packageOf = (message: string): string => (message.startsWith("raftpb.") ? "raftpb" : "docker.swarmkit.v1");

/** A type name of the tables as protobufjs prints it. */
function fullType(type: string, message: string): string {
  if (/^(string|bytes|bool|double|float|u?int(32|64))$/.test(type) || type.startsWith("google.")) return type;
  return type.startsWith("raftpb.") ? type : `${packageOf(message)}.${type}`;
}

function cardinalityOf(field: protobuf.Field): string {
  if (field instanceof protobuf.MapField) return "map";
  if (field.repeated) return "rep";
  return field.partOf === null ? "" : `oneof ${field.partOf.name}`;
}

function typeOf(field: protobuf.Field): string {
  const value = field.resolvedType === null ? field.type : withoutDot(field.resolvedType.fullName);
  return field instanceof protobuf.MapField ? `map<${field.keyType}, ${value}>` : value;
}

test.each(Object.keys(tables.messages))("%s has the fields of the reference, no more and no less", (name) => {
  const message = root.lookupType(name);
  const actual = message.fieldsArray
    .toSorted((a, b) => a.id - b.id)
    .map((field) => [field.id, field.name, typeOf(field), cardinalityOf(field)]);
  const expected = (tables.messages[name] ?? [])
    .toSorted((a, b) => a[0] - b[0])
    .map(([id, field, type, cardinality]) => {
      const map = /^map<(\w+), (.+)>$/.exec(type);
      const full = map === null ? fullType(type, name) : `map<${map[1]}, ${fullType(map[2] ?? "", name)}>`;
      return [id, field, full, cardinality];
    });
  expect(actual).toEqual(expected);
});

test.each(Object.keys(tables.enums))("%s has the values of the reference", (name) => {
  expect(root.lookupEnum(name).values).toEqual(tables.enums[name]);
});

test.each(Object.keys(tables.services))("%s has the methods of the reference", (name) => {
  const actual = root.lookupService(name).methodsArray.map((method) => {
    const kind = method.requestStream ? "client stream" : method.responseStream ? "server stream" : "unary";
    return [method.name, [kind, withoutDot(method.requestType), withoutDot(method.responseType)]];
  });
  expect(Object.fromEntries(actual)).toEqual(tables.services[name]);
});

test("nothing is in proto/ that the reference does not know", () => {
  const known = new Set([
    ...Object.keys(tables.messages),
    ...Object.keys(tables.enums),
    ...Object.keys(tables.services),
  ]);
  const found: string[] = [];
  const visit = (parent: protobuf.NamespaceBase): void => {
    for (const child of parent.nestedArray) {
      if (child instanceof protobuf.Namespace) visit(child);
      if (child instanceof protobuf.Type || child instanceof protobuf.Enum || child instanceof protobuf.Service) {
        found.push(withoutDot(child.fullName));
      }
    }
  };
  visit(root);
  expect(found.filter((name) => !name.startsWith("google.") && !known.has(name))).toEqual([]);
});

test("repeated numbers are sent unpacked, as Go sends them", () => {
  const numeric = new Set(["bool", "double", "float", "int32", "int64", "uint32", "uint64"]);
  const packed = Object.keys(tables.messages)
    .filter((name) => packageOf(name) !== "raftpb")
    .flatMap((name) => root.lookupType(name).fieldsArray)
    .filter(
      (field) =>
        field.repeated && (numeric.has(field.type) || field.resolvedType instanceof protobuf.Enum) && field.packed,
    )
    .map((field) => field.fullName);
  expect(packed).toEqual([]);
});
