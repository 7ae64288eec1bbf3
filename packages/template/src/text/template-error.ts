import { SwarmError } from "@mswarm/runtime";
import { textOfBytes } from "./bytes.ts";

/** A template that cannot be read or filled in, in the words of Go's text/template. It may quote the template. */
export class TemplateError extends SwarmError {
  /** @param message  a byte string, because it quotes the template */
  constructor(message: string, options?: { cause?: unknown }) {
    super("INVALID_ARGUMENT", textOfBytes(message), options);
  }
}
