// One client of Docker's API on a unix socket, as scripts and tools are: connections are kept.
import { Agent, type IncomingMessage, request } from "node:http";

export interface FaceAnswer {
  readonly status: number;
  readonly body: string;
}

export class Face {
  readonly #socketPath: string;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** The JSON of a good answer. Errors: Error with status and text for any other. */
  async call(method: string, path: string, body?: object): Promise<unknown> {
    const answer = await this.ask(method, path, body);
    if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${answer.body.trim()}`);
    return answer.body === "" || !/^[[{]/.test(answer.body) ? undefined : JSON.parse(answer.body);
  }

  ask(method: string, path: string, body?: object): Promise<FaceAnswer> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers =
      text === undefined ? {} : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) };
    return new Promise((resolve, reject) => {
      const call = request(
        { socketPath: this.#socketPath, agent: this.#agent, method, path: `/v1.41${path}`, headers },
        (answer) => void wholeAnswer(answer).then(resolve, reject),
      );
      call.once("error", reject);
      call.end(text);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

async function wholeAnswer(answer: IncomingMessage): Promise<FaceAnswer> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return { status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString() };
}

export async function withFace<R>(socketPath: string, use: (face: Face) => Promise<R>): Promise<R> {
  const face = new Face(socketPath);
  try {
    return await use(face);
  } finally {
    face.close();
  }
}
