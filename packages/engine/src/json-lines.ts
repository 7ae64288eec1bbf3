import { dataLoss } from "@mswarm/runtime";

/** Objects of a stream that holds one JSON text per line. DATA_LOSS: a line is not JSON. */
export async function* readJsonLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<unknown> {
  let rest = "";
  for await (const chunk of chunks) {
    const lines = (rest + chunk.toString("utf8")).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") yield parse(line);
  }
  if (rest.trim() !== "") yield parse(rest);
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw dataLoss("the engine's stream is broken: a line is not JSON", { cause });
  }
}
