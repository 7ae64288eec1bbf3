// The payload of a log entry: an InternalRaftRequest. Actions are encoded one by one while a transaction runs, so that
// its size is known at any time; the request is then framed around them without encoding anything twice.
import { dataLoss, messageOf, unknownError } from "@mswarm/runtime";
import { internalRaftRequestCodec, type StoreAction, storeActionCodec } from "@mswarm/wire";
import type { Change, ChangeKind } from "./changes.ts";
import { allTables } from "./tables.ts";

/** Most bytes of one proposal. Source: swarmkit manager/state/store/memory.go, MaxTransactionBytes. */
export const entryBytesMax = 1_572_864;

const actionOf = {
  create: "STORE_ACTION_CREATE",
  update: "STORE_ACTION_UPDATE",
  remove: "STORE_ACTION_REMOVE",
} as const satisfies Record<ChangeKind, StoreAction["action"]>;

const kindOf: ReadonlyMap<unknown, ChangeKind> = new Map([
  ["STORE_ACTION_CREATE", "create"],
  ["STORE_ACTION_UPDATE", "update"],
  ["STORE_ACTION_REMOVE", "remove"],
]);

// Protobuf keys of InternalRaftRequest: field number << 3 | wire type.
const idKey = 0x08;
const actionKey = 0x12;
const keyBytes = 1;
// Seven bits a byte, 53 bits at most.
const varintBytesMax = 8;

/** One change as an encoded StoreAction. */
export function encodeAction({ kind, table, object }: Change): Buffer {
  return storeActionCodec.encode({ action: actionOf[kind], [table.name]: object } as StoreAction);
}

/** An encoded InternalRaftRequest around encoded actions. `id` is at most 2^53 − 1. */
export function encodeRequest(id: number, actions: readonly Buffer[]): Buffer {
  let size = keyBytes + varintBytesMax;
  for (const action of actions) size += keyBytes + varintBytesMax + action.length;
  const data = Buffer.allocUnsafe(size);
  let end = putVarint(data, data.writeUInt8(idKey), id);
  for (const action of actions) {
    end = putVarint(data, data.writeUInt8(actionKey, end), action.length);
    end += action.copy(data, end);
  }
  return data.subarray(0, end);
}

function putVarint(data: Buffer, start: number, value: number): number {
  let end = start;
  let rest = value;
  while (rest >= 0x80) {
    end = data.writeUInt8((rest % 0x80) | 0x80, end);
    rest = Math.floor(rest / 0x80);
  }
  return data.writeUInt8(rest, end);
}

/** The request id at the head of an entry, without decoding the rest; undefined when it has none or a larger one. */
export function requestIdOf(data: Buffer): number | undefined {
  if (data[0] !== idKey) return undefined;
  let id = 0;
  for (let position = 1, scale = 1; position < data.length && Number.isSafeInteger(scale); position += 1) {
    const byte = data[position] ?? 0;
    id += (byte & 0x7f) * scale;
    if (byte < 0x80) return Number.isSafeInteger(id) ? id : undefined;
    scale *= 0x80;
  }
  return undefined;
}

/** An action of a committed entry; `previous` is not known yet. */
export type DecodedAction = Pick<Change, "table" | "kind" | "object">;

/**
 * The actions of an entry, in order.
 * Errors: DATA_LOSS when the bytes are not an InternalRaftRequest; UNKNOWN for an action that nobody knows.
 */
export function decodeRequest(data: Buffer): readonly DecodedAction[] {
  return decode(data).map((action) => {
    const kind = kindOf.get(action.action);
    const table = allTables.find((each) => action[each.name] !== undefined);
    const object = table === undefined ? undefined : action[table.name];
    if (kind === undefined || table === undefined || object === undefined) {
      throw unknownError("unrecognized action type");
    }
    return { table, kind, object };
  });
}

function decode(data: Buffer): readonly StoreAction[] {
  try {
    return internalRaftRequestCodec.decode(data).action ?? [];
  } catch (error) {
    throw dataLoss(`store: a log entry of ${data.length} bytes cannot be decoded: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
