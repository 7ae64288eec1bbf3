// Loads the schema once. Everything that encodes or decodes goes through this file.
import type { Options, ServiceDefinition } from "@grpc/proto-loader";
import protobuf from "protobufjs";
import { fieldCount } from "./field-count.ts";
import { schemaJson } from "./generated/schema-json.ts";

/**
 * How wire objects look in TypeScript: camel case, 64-bit numbers and enums as strings, oneof names present, and no
 * defaults: what is absent on the wire stays absent (a Go peer tells absent from empty, wire reference 12, trap 9).
 */
export const loaderOptions: Options & protobuf.IConversionOptions = { longs: String, enums: String, oneofs: true };

// Not proto-loader's own loading: it describes every message for reflection, which nobody here asks for, and takes three
// times as long as all the rest at each start. A test holds the two together.
const root = protobuf.Root.fromJSON(JSON.parse(schemaJson)).resolveAll();

/** Full names of all services of the schema. */
export const serviceNames: readonly string[] = servicesIn(root).map((service) => service.fullName.slice(1));

function servicesIn(namespace: protobuf.NamespaceBase): protobuf.Service[] {
  return namespace.nestedArray.flatMap((object) => {
    if (object instanceof protobuf.Service) return [object];
    return object instanceof protobuf.Namespace ? servicesIn(object) : [];
  });
}

/** The definition of a service by its full name, such as `docker.swarmkit.v1.CA`. */
export function serviceDefinition(name: string): Definition {
  const service = root.lookup(name, [protobuf.Service]);
  if (!(service instanceof protobuf.Service)) throw new TypeError(`wire: ${name} is not a service`);
  return Object.fromEntries(service.methodsArray.map((method) => [method.name, methodDefinition(name, method)]));
}

/** What grpc-js needs to know of a service's methods. */
export type Definition = Readonly<
  Record<string, Omit<ServiceDefinition[string], "originalName" | "requestType" | "responseType" | "options">>
>;

function methodDefinition(service: string, method: protobuf.Method): Definition[string] {
  const { name, resolvedRequestType, resolvedResponseType, requestStream, responseStream } = method;
  if (resolvedRequestType === null || resolvedResponseType === null) throw new TypeError(`wire: ${name} has no types`);
  const [request, response] = [codecOfType<object>(resolvedRequestType), codecOfType<object>(resolvedResponseType)];
  return {
    path: `/${service}/${name}`,
    requestStream: requestStream === true,
    responseStream: responseStream === true,
    requestSerialize: request.encode,
    requestDeserialize: request.decode,
    responseSerialize: response.encode,
    responseDeserialize: response.decode,
  };
}

/** Counts the fields of an encoded message; undefined for more than `most`. See `fieldCount`. */
export type FieldCounter = (bytes: Uint8Array, most: number) => number | undefined;

/** The counter of a method's requests, by the full name of its service. */
export function requestFieldCounter(service: string, method: string): FieldCounter {
  const found = root.lookup(service, [protobuf.Service]);
  const type = found instanceof protobuf.Service ? found.methods[method]?.resolvedRequestType : undefined;
  if (!(type instanceof protobuf.Type)) throw new TypeError(`wire: ${service} has no method ${method}`);
  return (bytes, most) => fieldCount(type, bytes, most);
}

/** Encodes and decodes one message type. `decode` throws when the bytes are not that message. */
export interface Codec<T> {
  encode(message: T): Buffer;
  decode(bytes: Uint8Array): T;
}

/** The codec of a message by its full name. `T` must be the generated type of the same name. */
export function codecOf<T extends object>(name: string): Codec<T> {
  const type = root.lookup(name, [protobuf.Type]);
  if (!(type instanceof protobuf.Type)) throw new TypeError(`wire: ${name} is not a message`);
  return codecOfType<T>(type);
}

function codecOfType<T extends object>(type: protobuf.Type): Codec<T> {
  return {
    encode: (message) => {
      const bytes = type.encode(type.fromObject(message)).finish();
      return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes);
    },
    decode: (bytes) => {
      const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes);
      return type.toObject(type.decode(buffer), loaderOptions) as T;
    },
  };
}

/** The numbers of an enum's values by name, as the .proto files say. Words do not compare; numbers do. */
export function enumNumbersOf<Name extends string>(name: string): Readonly<Record<Name, number>> {
  const found = root.lookup(name, [protobuf.Enum]);
  if (!(found instanceof protobuf.Enum)) throw new TypeError(`wire: ${name} is not an enum`);
  return found.values as Record<Name, number>;
}
