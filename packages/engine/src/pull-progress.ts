// The progress report of an image pull: lines of JSON, of which one may be the failure.
import { notFound } from "@mswarm/runtime";
import { readJsonLines } from "./json-lines.ts";

/** Reads the report to its end. NOT_FOUND when a line of it says that the pull failed: HTTP said 200 long before. */
export async function finishPull(chunks: AsyncIterable<Buffer>): Promise<void> {
  for await (const report of readJsonLines(chunks)) {
    if (typeof report === "object" && report !== null && "error" in report) throw notFound(String(report.error));
  }
}
