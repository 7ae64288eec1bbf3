// Which swarm events a client asked for. Source: moby daemon/events/filter.go.
import { type Filters, matchesExactly, matchesLabels, matchesPrefix } from "../routing/filters.ts";
import type { DockerEvent } from "./docker-event.ts";

/** What is looked up by id or name. They all have to match, whatever the event is about: so Docker does it. */
const subjects = ["daemon", "container", "plugin", "volume", "network", "image", "node", "service", "secret", "config"];

export interface EventSelection {
  readonly filters: Filters;
  /** Nanoseconds since the Unix epoch; undefined: not limited. */
  readonly since: bigint | undefined;
  readonly until: bigint | undefined;
}

export function isWanted({ filters }: EventSelection, event: DockerEvent): boolean {
  const { ID: id, Attributes: attributes } = event.Actor;
  const name = attributes["name"] ?? "";
  return (
    matchesExactly(filters, "event", event.Action) &&
    matchesExactly(filters, "type", event.Type) &&
    matchesExactly(filters, "scope", event.scope) &&
    subjects.every((key) => matchesPrefix(filters, key, id) || matchesPrefix(filters, key, name)) &&
    matchesLabels(filters, "label", attributes)
  );
}

/** What happened before is told only to a client that names a time. */
export function isPastWanted(selection: EventSelection, event: DockerEvent): boolean {
  const { since, until } = selection;
  if (since === undefined && until === undefined) return false;
  const isInTime = event.timeNano >= (since ?? 0n) && (until === undefined || event.timeNano <= until);
  return isInTime && isWanted(selection, event);
}

/** Reads `seconds[.fraction]`; undefined for an absent one, and for what the engine refuses. */
export function readTime(text: string | null): bigint | undefined {
  const groups = /^(?<seconds>[0-9]{1,18})(?:\.(?<fraction>[0-9]{1,9}))?$/.exec(text ?? "")?.groups;
  if (groups === undefined || text === "0") return undefined;
  return BigInt(groups["seconds"] ?? "0") * 1_000_000_000n + BigInt((groups["fraction"] ?? "").padEnd(9, "0"));
}
