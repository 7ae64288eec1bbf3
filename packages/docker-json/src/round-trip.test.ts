// Whatever the store holds survives the way to JSON and back, except what is said to be hidden.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { config, node, secretSpec, service, task } from "./index.ts";
import { isJsonObject, type Json, jsonText } from "./json.ts";
import { unplaced } from "./message.ts";
import type { Shape } from "./shape.ts";
import { clusterSpec } from "./swarm.ts";
import { arbitraryMessage } from "./testing/wire-messages.ts";

/** What the JSON does not have, by message. */
const hidden = new Set([
  "Annotations.indices",
  "ContainerSpec.pullOptions",
  "TaskSpec.attachment",
  "TaskSpec.generic",
  "TaskSpec.resourceReferences",
  "NetworkAttachmentConfig.addresses",
  // Read from clients of API 1.43 and older only: a test of its own.
  "ServiceSpec.networks",
  "Service.pendingDelete",
  "Service.specVersion",
  "Service.previousSpecVersion",
  "Task.serviceAnnotations",
  "Task.endpoint",
  "Task.logDriver",
  "Task.specVersion",
  "TaskStatus.appliedBy",
  "TaskStatus.appliedAt",
  "Network.pendingDelete",
  "Network.extra",
  "IPAMConfig.family",
  "IPAMConfig.reserved",
  "NetworkAttachment.aliases",
  "NetworkAttachment.driverAttachmentOpts",
  "NodeSpec.membership",
  "Node.role",
  "Node.certificate",
  "Node.attachment",
  "Node.attachments",
  "Node.VXLANUDPPort",
  "NodeDescription.fips",
  "ManagerStatus.raftId",
  "ClusterSpec.acceptancePolicy",
  // It has one value only.
  "ExternalCA.protocol",
  // It comes back with the limits it stands beside: a test of its own.
  "ContainerSpec.pidsLimit",
  "CAConfig.signingCaCert",
  "CAConfig.signingCaKey",
]);

const pem = fc.string({ minLength: 1 }).map((text) => Buffer.from(text));
const instead = {
  "TmpfsOptions.options": fc
    .array(fc.array(fc.string(), { maxLength: 2 }), { minLength: 1, maxLength: 2 })
    .map((lists) => JSON.stringify(lists)),
  "NodeTLSInfo.trustRoot": pem,
  "ExternalCA.caCert": pem,
  // With a limit of memory beside it, as Docker demands.
  "ResourceRequirements.limits": fc.record({ memoryBytes: fc.constant("9007199254740993") }),
};
const options = {
  without: hidden,
  required: new Set(["Service.spec", "ServiceSpec.task", "ResourceRequirements.limits"]),
  instead,
};

/** Messages that Go holds by value: present and empty is the same as absent. */
const byValue = new Set(
  (
    "annotations meta version task spec endpoint delay monitor interval timeout startPeriod status portStatus platform " +
    "resources engine tlsInfo description driverState driver network orchestration raft dispatcher caConfig taskDefaults " +
    "encryptionConfig nodeCertExpiry heartbeatPeriod jobIteration lastExecution createdAt updatedAt timestamp"
  ).split(" "),
);

function canonical(value: unknown, isMap = false): unknown {
  if (Buffer.isBuffer(value) || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((each) => canonical(each));
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, each]) => [key, canonical(each)] as const)
      .filter(([key, each]) => isMap || !(byValue.has(key) && isEmpty(each))),
  );
}

const isEmpty = (value: unknown): boolean =>
  typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;

/** Numbers keep their 64 bits, as in a request. */
const parsed = (text: string): Json =>
  JSON.parse(text, (_key, value: unknown, context?: { readonly source?: string }) =>
    typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? "")
      ? BigInt(context?.source ?? 0)
      : value,
  ) as Json;

const shapes: readonly (readonly [type: string, shape: Shape<object>])[] = [
  ["Service", service as Shape<object>],
  ["Task", task as Shape<object>],
  ["Node", node as Shape<object>],
  ["ClusterSpec", clusterSpec as Shape<object>],
  ["SecretSpec", secretSpec as Shape<object>],
  ["Config", config as Shape<object>],
];

test.each(shapes)("%s survives the way to JSON and back", (type, shape) => {
  void fc.assert(
    fc.property(arbitraryMessage<object>(type, options), (message) => {
      const text = jsonText(shape.write(message));
      expect(canonical(shape.read(parsed(text), unplaced))).toEqual(canonical(message));
    }),
    { numRuns: 150 },
  );
});

test.each(shapes)("%s is read the same whatever the case of its field names", (type, shape) => {
  void fc.assert(
    fc.property(
      arbitraryMessage<object>(type, { ...options, without: new Set([...hidden, ...mapsOfData]) }),
      (message) => {
        const json = shape.write(message);
        expect(shape.read(inOtherCase(json), unplaced)).toEqual(shape.read(json, unplaced));
      },
    ),
    { numRuns: 50 },
  );
});

/** Keys of maps are data: their case counts. */
const mapsOfData = ["Annotations.labels", "ContainerSpec.labels", "ContainerSpec.sysctls", "Driver.options"].concat(
  ["VolumeOptions.labels", "EngineDescription.labels", "ExternalCA.options", "Topology.segments"],
  ["NetworkAttachmentConfig.driverAttachmentOpts"],
);

function inOtherCase(json: Json): Json {
  if (Array.isArray(json)) return (json as readonly Json[]).map(inOtherCase);
  if (!isJsonObject(json)) return json;
  return Object.fromEntries(
    Object.entries(json).map(([key, value]) => [
      key.replace(/./g, (letter, at: number) => (at % 2 === 0 ? letter.toLowerCase() : letter.toUpperCase())),
      value === undefined ? undefined : inOtherCase(value),
    ]),
  );
}
