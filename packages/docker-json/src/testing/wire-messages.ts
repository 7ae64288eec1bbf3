// Arbitrary messages of the wire, made from the .proto files themselves: a field that the tables forget is found.
import { fileURLToPath } from "node:url";
import * as fc from "fast-check";
import protobuf from "protobufjs";

const protoFolder = fileURLToPath(new URL("../../../../proto/", import.meta.url));

function loadSchema(): protobuf.Root {
  const root = new protobuf.Root();
  const standard = root.resolvePath.bind(root);
  root.resolvePath = (origin, target) =>
    /^(docker|raftpb|mswarm)\//.test(target) ? `${protoFolder}${target}` : standard(origin, target);
  const files = ["objects", "specs", "types", "control"].map(
    (name) => `${protoFolder}docker/swarmkit/v1/${name}.proto`,
  );
  root.loadSync(files);
  root.resolveAll();
  return root;
}

const schema: protobuf.Root = loadSchema();

export interface MessageOptions {
  /** `Type.field` of what the JSON does not have. */
  readonly without: ReadonlySet<string>;
  /** `Type.field` of what has to be there. */
  readonly required: ReadonlySet<string>;
  /** `Type.field` of what is made in another way. */
  readonly instead: Readonly<Record<string, fc.Arbitrary<unknown>>>;
}

/** Any message of the type, as it comes from the wire: what is zero is absent, and each oneof has one member. */
export function arbitraryMessage<W extends object>(typeName: string, options: MessageOptions): fc.Arbitrary<W> {
  return messageOf(schema.lookupType(typeName), options, 0) as fc.Arbitrary<W>;
}

function messageOf(type: protobuf.Type, options: MessageOptions, depth: number): fc.Arbitrary<object> {
  if (type.name === "Duration") return span(9_000_000_000n);
  if (type.name === "Timestamp") return span(253_000_000_000n);
  const shown = type.fieldsArray.filter(({ name }) => !options.without.has(`${type.name}.${name}`));
  const ofOneofs = type.oneofsArray.map(({ fieldsArray }) => {
    const members = fieldsArray.filter((field) => shown.includes(field));
    return fc.oneof(...members.map((field) => fc.record({ [field.name]: fieldOf(type, field, options, depth) })));
  });
  const plain = shown.filter((field) => field.partOf === null);
  const fields = fc.record(
    Object.fromEntries(plain.map((field) => [field.name, fieldOf(type, field, options, depth)])),
    { requiredKeys: plain.map(({ name }) => name).filter((name) => options.required.has(`${type.name}.${name}`)) },
  );
  return fc.tuple(fields, ...ofOneofs).map((parts) => Object.assign({}, ...parts) as object);
}

function fieldOf(
  parent: protobuf.Type,
  field: protobuf.Field,
  options: MessageOptions,
  depth: number,
): fc.Arbitrary<unknown> {
  const instead = options.instead[`${parent.name}.${field.name}`];
  if (instead !== undefined) return instead;
  const single = singleOf(field, options, depth);
  if (field.map) return fc.dictionary(fc.string(), single, { minKeys: 1, maxKeys: 3 });
  // In a list a zero is a value like any other.
  return field.repeated ? fc.array(single, { minLength: 1, maxLength: 2 }) : single;
}

const between64 = (min: bigint, max: bigint): fc.Arbitrary<string> =>
  fc
    .bigInt({ min, max })
    .filter((value) => value !== 0n)
    .map(String);

function singleOf(
  { resolvedType, type }: protobuf.Field,
  options: MessageOptions,
  depth: number,
): fc.Arbitrary<unknown> {
  if (resolvedType instanceof protobuf.Enum) {
    const names = Object.keys(resolvedType.values).filter((name) => resolvedType.values[name] !== 0);
    return fc.constantFrom(...(names.length === 0 ? Object.keys(resolvedType.values) : names));
  }
  if (resolvedType instanceof protobuf.Type) return fc.memo(() => messageOf(resolvedType, options, depth + 1))();
  switch (type) {
    case "string":
      return fc.string({ minLength: 1 });
    case "bool":
      return fc.constant(true);
    case "bytes":
      return fc.uint8Array({ minLength: 1, maxLength: 20 }).map((bytes) => Buffer.from(bytes));
    case "float":
      return fc.float({ noNaN: true, noDefaultInfinity: true }).filter((value) => value !== 0);
    case "uint32":
      return fc.integer({ min: 1, max: 2 ** 32 - 1 });
    case "int32":
      return fc.integer({ min: -(2 ** 31), max: -1 });
    case "uint64":
      return between64(1n, 2n ** 64n - 1n);
    case "int64":
      return between64(-(2n ** 63n), 2n ** 63n - 1n);
    default:
      throw new TypeError(`no arbitrary for ${type}`);
  }
}

const span = (mostSeconds: bigint): fc.Arbitrary<object> =>
  fc
    .tuple(fc.bigInt({ min: 1n, max: mostSeconds }), fc.integer({ min: 1, max: 999_999_999 }))
    .map(([whole, nanos]) => ({
      seconds: String(whole),
      nanos,
    }));
