// Loads the schema once. Everything that encodes or decodes goes through this file.
import {
  fromJSON,
  type MessageTypeDefinition,
  type Options,
  type PackageDefinition,
  type ServiceDefinition,
} from "@grpc/proto-loader";
import { schemaJson } from "./generated/schema-json.ts";

/**
 * How wire objects look in TypeScript: camel case, 64-bit numbers and enums as strings, oneof names present, and no
 * defaults: what is absent on the wire stays absent (a Go peer tells absent from empty, wire reference 12, trap 9).
 */
export const loaderOptions: Options = { longs: String, enums: String, oneofs: true };

const definitions: PackageDefinition = fromJSON(JSON.parse(schemaJson), loaderOptions);

/** Full names of all services of the schema. */
export const serviceNames: readonly string[] = Object.entries(definitions)
  .filter(([, definition]) => !("format" in definition))
  .map(([name]) => name);

/** The definition of a service by its full name, such as `docker.swarmkit.v1.CA`. */
export function serviceDefinition(name: string): ServiceDefinition {
  const definition = definitions[name];
  if (definition === undefined || "format" in definition) throw new TypeError(`wire: ${name} is not a service`);
  return definition;
}

/** Encodes and decodes one message type. `decode` throws when the bytes are not that message. */
export interface Codec<T> {
  encode(message: T): Buffer;
  decode(bytes: Uint8Array): T;
}

/** The codec of a message by its full name. `T` must be the generated type of the same name. */
export function codecOf<T extends object>(name: string): Codec<T> {
  const definition = definitions[name] as MessageTypeDefinition<T, T> | undefined;
  if (definition === undefined || !("serialize" in definition)) throw new TypeError(`wire: ${name} is not a message`);
  return {
    encode: (message) => definition.serialize(message),
    decode: (bytes) => definition.deserialize(Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes)),
  };
}

/** The numbers of an enum's values by name, as the .proto files say. Words do not compare; numbers do. */
export function enumNumbersOf<Name extends string>(name: string): Readonly<Record<Name, number>> {
  const definition = definitions[name];
  const values = (definition as { type?: { value?: { name: string; number: number }[] } } | undefined)?.type?.value;
  if (values === undefined) throw new TypeError(`wire: ${name} is not an enum`);
  return Object.fromEntries(values.map(({ name: value, number }) => [value, number])) as Record<Name, number>;
}
