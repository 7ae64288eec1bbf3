import { type Deferred, deferred } from "@mswarm/runtime";
import { linesOf } from "./lines.ts";

/** Lines of a stream, one at hand at a time: the stream is read on when the line was taken. */
export class LineSource {
  #line: Buffer | undefined;
  #taken: Deferred<void> = deferred();
  #hasEnded = false;
  #failure: unknown;
  #isLeft = false;

  /** @param onChange  called when there is a line, or the stream has ended */
  constructor(chunks: AsyncIterable<Buffer>, onChange: () => void) {
    void this.#read(chunks, onChange);
  }

  /** The next line; undefined while there is none. */
  get line(): Buffer | undefined {
    return this.#line;
  }

  /** True after the last line. Throws what the stream failed with. */
  get hasEnded(): boolean {
    if (this.#failure !== undefined) throw this.#failure;
    return this.#hasEnded;
  }

  take(): void {
    this.#line = undefined;
    this.#taken.resolve();
  }

  /** The stream is left at its next line. */
  leave(): void {
    this.#isLeft = true;
    this.take();
  }

  async #read(chunks: AsyncIterable<Buffer>, onChange: () => void): Promise<void> {
    try {
      for await (const line of linesOf(chunks)) {
        if (this.#isLeft) break;
        this.#taken = deferred();
        this.#line = line;
        onChange();
        await this.#taken.promise;
      }
    } catch (error) {
      this.#failure = error;
    }
    this.#hasEnded = true;
    onChange();
  }
}
