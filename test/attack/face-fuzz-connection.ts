// A keep-alive connection that sends whatever bytes it is given, and reads answers one by one.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { invariant } from "@mswarm/runtime";

export interface RawAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: Buffer;
  /** False when the other side ends the connection after it. */
  readonly isKept: boolean;
}

export class FuzzConnection {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #hasEnded = false;
  #wake: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const end = (): void => {
      this.#hasEnded = true;
      this.#wake();
    };
    socket.on("data", (chunk: Buffer) => {
      this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    socket.on("end", end).on("close", end).on("error", end);
  }

  static async open(path: string): Promise<FuzzConnection> {
    const socket = connect({ path, allowHalfOpen: true });
    await once(socket, "connect");
    return new FuzzConnection(socket);
  }

  get isOpen(): boolean {
    return !this.#hasEnded && this.#socket.writable;
  }

  send(bytes: Buffer): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  /** Says that nothing more will come, and still listens. */
  halfClose(): void {
    if (this.#socket.writable) this.#socket.end();
  }

  close(): void {
    this.#socket.destroy();
  }

  /** The next answer; undefined when the connection ends without one. @param part  "head": without its body */
  async answer(method: string, part: "whole" | "head" = "whole"): Promise<RawAnswer | undefined> {
    for (;;) {
      const head = await this.#head();
      if (head === undefined) return undefined;
      const status = Number(/^HTTP\/1\.1 (?<status>[0-9]{3})/.exec(head)?.groups?.["status"]);
      invariant(status >= 100, `an answer begins with a status, not with ${JSON.stringify(head.slice(0, 100))}`);
      if (status === 100) continue;
      const header = (name: string): string | undefined =>
        new RegExp(`^${name}: *(?<value>.*)$`, "im").exec(head)?.groups?.["value"]?.trim();
      const isBodiless = method === "HEAD" || status === 204 || status === 304 || part === "head";
      const body = isBodiless
        ? Buffer.alloc(0)
        : await this.#body(header("content-length"), header("transfer-encoding"));
      if (body === undefined) return undefined;
      const isKept = header("connection") !== "close";
      return { status, contentType: header("content-type") ?? "", body, isKept };
    }
  }

  async #head(): Promise<string | undefined> {
    for (;;) {
      const end = this.#received.indexOf("\r\n\r\n");
      if (end >= 0) return this.#take(end + 4).toString("latin1");
      if (this.#hasEnded) return undefined;
      await this.#more();
    }
  }

  /** Undefined when it breaks off. */
  async #body(length: string | undefined, encoding: string | undefined): Promise<Buffer | undefined> {
    if (encoding === undefined) return await this.#bytes(Number(length ?? 0));
    const chunks: Buffer[] = [];
    for (;;) {
      while (this.#received.indexOf("\r\n") < 0 && !this.#hasEnded) await this.#more();
      const end = this.#received.indexOf("\r\n");
      if (end < 0) return undefined;
      const size = Number.parseInt(this.#take(end + 2).toString("latin1"), 16);
      const chunk = await this.#bytes(size + 2);
      if (chunk === undefined) return undefined;
      if (size === 0) return Buffer.concat(chunks);
      chunks.push(chunk.subarray(0, size));
    }
  }

  async #bytes(count: number): Promise<Buffer | undefined> {
    while (this.#received.length < count && !this.#hasEnded) await this.#more();
    return this.#received.length < count ? undefined : this.#take(count);
  }

  #take(count: number): Buffer {
    const taken = this.#received.subarray(0, count);
    this.#received = this.#received.subarray(count);
    return taken;
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
