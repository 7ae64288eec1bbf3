// Byte strings: one character per byte. Go's strings are bytes, and templated secrets need not be text.

/** UTF-8 of a text as a byte string. */
export const bytesOfText = (text: string): string => Buffer.from(text, "utf8").toString("latin1");
/** A byte string read as UTF-8. */
export const textOfBytes = (bytes: string): string => Buffer.from(bytes, "latin1").toString("utf8");
