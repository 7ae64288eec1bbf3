import { jsonTime } from "@mswarm/docker-json";
import type { WireTime } from "@mswarm/runtime";

/** `2026-11-22 02:03:40.087658717 +0000 utc`: how docker's pages show a time. */
export function prettyTime(time: WireTime | undefined): string {
  return `${jsonTime(time).replace("T", " ").replace("Z", "")} +0000 utc`;
}
