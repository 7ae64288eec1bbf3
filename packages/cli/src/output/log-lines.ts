// One line of a task's logs as docker prints it: `web.1.x3ti0erg11rj@worker1    | hello`.
import { isSwarmError } from "@mswarm/runtime";
import type { LogContext, LogMessage } from "@mswarm/wire";
import type { Control } from "../cli-context.ts";
import { formatMoment } from "../flags/moment.ts";
import { shortId } from "./task-names.ts";

export interface LogLayout {
  /** Without who printed it. */
  readonly isRaw: boolean;
  readonly hasTimestamps: boolean;
  readonly hasDetails: boolean;
  readonly hasTaskIds: boolean;
  readonly isTruncated: boolean;
  /** Names instead of ids. */
  readonly isResolved: boolean;
  /** Digits that a slot may take; shorter ones are padded. */
  readonly slotWidth: number;
}

/** Formats lines; asks for each task, service and node once. Source: docker/cli command/service/logs.go. */
export class LogLines {
  readonly #layout: LogLayout;
  readonly #control: Control;
  readonly #prefixes = new Map<string, Promise<string>>();
  readonly #services = new Map<string, Promise<string>>();
  readonly #nodes = new Map<string, Promise<string>>();

  constructor(layout: LogLayout, control: Control) {
    this.#layout = layout;
    this.#control = control;
  }

  /** The line with its own line end, which may be missing in a part of a long line. */
  async format(message: LogMessage): Promise<Buffer> {
    const { isRaw, hasTimestamps, hasDetails } = this.#layout;
    const { context = {}, timestamp, data = Buffer.alloc(0) } = message;
    const time = hasTimestamps ? `${formatMoment(timestamp)} ` : "";
    const prefix = isRaw ? "" : `${await this.#prefixOf(context)}    | `;
    const details = hasDetails ? `${isRaw ? rawDetails(message, context) : plainDetails(message)} ` : "";
    return Buffer.concat([Buffer.from(time + prefix + details), data]);
  }

  #prefixOf(context: LogContext): Promise<string> {
    return once(this.#prefixes, context.taskId ?? "", () => this.#makePrefix(context));
  }

  async #makePrefix({ serviceId = "", nodeId = "", taskId = "" }: LogContext): Promise<string> {
    const { isResolved, isTruncated, hasTaskIds, slotWidth } = this.#layout;
    const [service, node, slot] = await Promise.all([
      isResolved ? once(this.#services, serviceId, () => this.#serviceName(serviceId)) : serviceId,
      isResolved ? once(this.#nodes, nodeId, () => this.#nodeName(nodeId)) : nodeId,
      this.#slotOf(taskId),
    ]);
    const id = hasTaskIds ? `.${isTruncated ? shortId(taskId) : taskId}` : "";
    return `${service}.${slot}${id}@${node}${" ".repeat(Math.max(0, slotWidth - slot.length))}`;
  }

  async #serviceName(serviceId: string): Promise<string> {
    const answer = await orMissing(this.#control.GetService({ serviceId }));
    return answer?.service?.spec?.annotations?.name ?? serviceId;
  }

  async #nodeName(nodeId: string): Promise<string> {
    const answer = await orMissing(this.#control.GetNode({ nodeId }));
    const { spec, description } = answer?.node ?? {};
    return spec?.annotations?.name || description?.hostname || nodeId;
  }

  /** A task that has been deleted meanwhile still has its last lines to show. */
  async #slotOf(taskId: string): Promise<string> {
    return (await orMissing(this.#control.GetTask({ taskId })))?.task?.slot ?? "0";
  }
}

function once<V>(known: Map<string, Promise<V>>, key: string, make: () => Promise<V>): Promise<V> {
  const found = known.get(key) ?? make();
  known.set(key, found);
  return found;
}

async function orMissing<R>(answer: Promise<R>): Promise<R | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isSwarmError(error, "NOT_FOUND")) return undefined;
    throw error;
  }
}

/** Keys that say whose line it is: the manager's word, not a log driver's. */
const contextKey = /^com\.docker\.swarm\.(node|service|task)\.id$/;

function ownAttributes({ attrs = [] }: LogMessage): readonly (readonly [string, string])[] {
  return attrs.map(({ key = "", value = "" }) => [key, value] as const).filter(([key]) => !contextKey.test(key));
}

const plainDetails = (message: LogMessage): string => joined(ownAttributes(message));

/** With whose line it is, and escaped as in a query. */
function rawDetails(message: LogMessage, { nodeId = "", serviceId = "", taskId = "" }: LogContext): string {
  const context = Object.entries({ node: nodeId, service: serviceId, task: taskId });
  const all = [...ownAttributes(message), ...context.map(([what, id]) => [`com.docker.swarm.${what}.id`, id] as const)];
  return joined(all.map(([key, value]) => [queryEscape(key), queryEscape(value)] as const));
}

const joined = (pairs: readonly (readonly [string, string])[]): string =>
  pairs
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(",");

/** Go's url.QueryEscape, which differs in two characters from the web's. */
const queryEscape = (text: string): string =>
  new URLSearchParams({ "": text }).toString().slice(1).replaceAll("*", "%2A").replaceAll("%7E", "~");
