// A connection without an HTTP library in between: tests say and see every byte.
import { once } from "node:events";
import { connect, type Socket } from "node:net";

export class RawConnection {
  readonly socket: Socket;
  #received: Buffer[] = [];
  #byteCount = 0;
  #hasEnded = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#received.push(chunk);
      this.#byteCount += chunk.length;
    });
    socket.on("end", () => {
      this.#hasEnded = true;
    });
    socket.on("close", () => {
      this.#hasEnded = true;
    });
    socket.on("error", () => {
      this.#hasEnded = true;
    });
  }

  static async open(path: string): Promise<RawConnection> {
    const socket = connect({ path, allowHalfOpen: true });
    await once(socket, "connect");
    return new RawConnection(socket);
  }

  /** One that somebody else has opened. */
  static of(socket: Socket): RawConnection {
    return new RawConnection(socket);
  }

  /** Lines, joined as HTTP joins them. */
  send(...lines: readonly string[]): void {
    this.socket.write(lines.join("\r\n"));
  }

  get received(): string {
    this.#received = [Buffer.concat(this.#received)];
    return this.#received[0]?.toString("latin1") ?? "";
  }

  get byteCount(): number {
    return this.#byteCount;
  }

  /** True when the other side has said its last byte. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  close(): void {
    this.socket.destroy();
  }
}
