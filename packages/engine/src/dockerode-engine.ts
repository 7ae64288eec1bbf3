// The real engine. The only file that imports dockerode; its types and its errors stay in here.
import {
  abortReason,
  type Duration,
  invalidArgument,
  invariant,
  isSwarmError,
  messageOf,
  notFound,
  throwIfAborted,
} from "@mswarm/runtime";
import Dockerode from "dockerode";
import type { ContainerCreate } from "./container-create.ts";
import { createBody } from "./create-body.ts";
import type { Engine, EngineEvent, LogFrame, LogOptions } from "./engine.ts";
import {
  containerStateOf,
  containerSummaryOf,
  type EventAnswer,
  engineEventOf,
  engineInfoOf,
  type InfoAnswer,
  type InspectAnswer,
  type ListAnswer,
} from "./engine-answers.ts";
import { engineFailure, httpStatusOf } from "./engine-failure.ts";
import { readJsonLines } from "./json-lines.ts";
import { readLogFrames } from "./log-frames.ts";
import { formatLogTimestamp } from "./log-timestamp.ts";
import { finishPull } from "./pull-progress.ts";

interface Request {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly credentials?: string;
}

/**
 * An engine behind a unix socket or a TCP address without TLS.
 *
 * @param address  `unix:///path/to/docker.sock` or `tcp://host:port`. INVALID_ARGUMENT: anything else
 */
export function dockerodeEngine(address: string): Engine {
  return new DockerodeEngine(address);
}

class DockerodeEngine implements Engine {
  // Requests are dialled one level below dockerode's own methods, so that answers and aborts are treated alike.
  readonly #modem: Dockerode["modem"];

  constructor(address: string) {
    this.#modem = new Dockerode(connectionOf(address)).modem;
  }

  async info(signal?: AbortSignal) {
    return engineInfoOf((await this.#call({ method: "GET", path: "/info" }, signal)) as InfoAnswer);
  }

  async ping(signal?: AbortSignal): Promise<void> {
    await this.#call({ method: "GET", path: "/_ping" }, signal);
  }

  async hasImage(reference: string, signal?: AbortSignal): Promise<boolean> {
    const path = `/images/${encodeURIComponent(reference)}/json`;
    return (await this.#answered([404], { method: "GET", path }, signal)) !== 404;
  }

  async pullImage(reference: string, credentials: string | undefined, signal?: AbortSignal): Promise<void> {
    const report = await this.#stream(
      {
        method: "POST",
        path: "/images/create",
        query: pullQuery(reference),
        ...(credentials === undefined || credentials === "" ? {} : { credentials }),
      },
      signal,
    );
    await finishPull(report);
  }

  async createContainer(spec: ContainerCreate, signal?: AbortSignal) {
    const request: Request = {
      method: "POST",
      path: "/containers/create",
      query: { name: spec.name },
      body: createBody(spec),
    };
    const answer = await this.#answered([409], request, signal);
    if (answer === 409) return { kind: "name-in-use" } as const;
    return { kind: "created", id: (answer as { Id: string }).Id } as const;
  }

  async startContainer(id: string, signal?: AbortSignal) {
    const answer = await this.#answered([304, 404], { method: "POST", path: `/containers/${id}/start` }, signal);
    if (answer === 304) return "already-running";
    // A start also answers 404 when something the container needs is missing, its program for one.
    if (answer === 404 && (await this.inspectContainer(id, signal)) === undefined) return "no-such-container";
    if (answer === 404) throw await this.#startFailure(id, signal);
    return "started";
  }

  async stopContainer(id: string, grace: Duration | undefined, signal?: AbortSignal) {
    const query = grace === undefined ? {} : { t: String(Math.ceil(grace / 1_000)) };
    const answer = await this.#answered([304, 404], { method: "POST", path: `/containers/${id}/stop`, query }, signal);
    if (answer === 304) return "already-stopped";
    return answer === 404 ? "no-such-container" : "stopped";
  }

  async waitContainer(id: string, signal?: AbortSignal) {
    const request: Request = {
      method: "POST",
      path: `/containers/${id}/wait`,
      query: { condition: "not-running" },
    };
    const answer = await this.#answered([404], request, signal);
    if (answer === 404) return { kind: "no-such-container" } as const;
    return { kind: "exited", exitCode: (answer as { StatusCode: number }).StatusCode } as const;
  }

  async inspectContainer(id: string, signal?: AbortSignal) {
    const answer = await this.#answered([404], { method: "GET", path: `/containers/${id}/json` }, signal);
    return answer === 404 ? undefined : containerStateOf(answer as InspectAnswer);
  }

  async removeContainer(id: string, options: { readonly force: boolean }, signal?: AbortSignal) {
    const query = { v: "true", force: String(options.force) };
    const path = `/containers/${id}`;
    const answer = await this.#answered([404, 409], { method: "DELETE", path, query }, signal);
    if (answer === 404) return "no-such-container";
    if (answer !== 409) return "removed";
    const state = await this.inspectContainer(id, signal);
    if (state === undefined || state.status === "removing" || options.force) return "removal-in-progress";
    throw engineFailure({ statusCode: 409, json: { message: `container ${id} is ${state.status}` } }, signal);
  }

  async listContainers(labels: Readonly<Record<string, string>>, signal?: AbortSignal) {
    const label = Object.entries(labels).map(([key, value]) => (value === "" ? key : `${key}=${value}`));
    const query = { all: "true", filters: JSON.stringify({ label }) };
    const answer = await this.#call({ method: "GET", path: "/containers/json", query }, signal);
    return (answer as readonly ListAnswer[]).map(containerSummaryOf);
  }

  async *logs(id: string, options: LogOptions, signal?: AbortSignal): AsyncGenerator<LogFrame> {
    const state = await this.inspectContainer(id, signal);
    if (state === undefined) throw notFound(`No such container: ${id}`);
    const query = {
      stdout: String(options.stdout),
      stderr: String(options.stderr),
      follow: String(options.follow),
      timestamps: "true",
      details: "true",
      tail: options.tail === undefined ? "all" : String(options.tail),
      ...(options.since === undefined ? {} : { since: formatLogTimestamp(options.since) }),
    };
    const lines = await this.#stream({ method: "GET", path: `/containers/${id}/logs`, query }, signal);
    yield* readLogFrames(lines, state.tty);
  }

  async *events(signal: AbortSignal): AsyncGenerator<EngineEvent> {
    const query = { filters: JSON.stringify({ type: ["container"] }) };
    const lines = await this.#stream({ method: "GET", path: "/events", query }, signal);
    for await (const line of readJsonLines(lines)) {
      const event = engineEventOf(line as EventAnswer);
      if (event !== undefined) yield event;
    }
  }

  async #startFailure(id: string, signal: AbortSignal | undefined): Promise<Error> {
    const state = await this.inspectContainer(id, signal);
    return invalidArgument(state?.error || `container ${id} cannot be started: something it needs is missing`);
  }

  /** The JSON of a successful answer, or that one of `statuses` which came instead. */
  async #answered(statuses: readonly number[], request: Request, signal: AbortSignal | undefined): Promise<unknown> {
    try {
      return await readAnswer(await this.#open(request, signal), signal);
    } catch (error) {
      const status = httpStatusOf(error);
      if (status !== undefined && statuses.includes(status) && !signal?.aborted) return status;
      throw engineFailure(error, signal);
    }
  }

  #call(request: Request, signal: AbortSignal | undefined): Promise<unknown> {
    return this.#answered([], request, signal);
  }

  async #stream(request: Request, signal: AbortSignal | undefined): Promise<AsyncGenerator<Buffer>> {
    try {
      return readChunks(await this.#open(request, signal), signal);
    } catch (error) {
      throw engineFailure(error, signal);
    }
  }

  async #open(request: Request, signal: AbortSignal | undefined): Promise<ByteStream> {
    const answer = await this.#dial(request, signal);
    invariant(isStream(answer), "a streaming request answers with a stream");
    return answer;
  }

  #dial(request: Request, signal: AbortSignal | undefined): Promise<unknown> {
    return new Promise((resolve, reject) => {
      throwIfAborted(signal);
      // The client library does not always settle after an abort that comes while the answer is being read.
      const onAbort = (): void => reject(abortReason(signal));
      signal?.addEventListener("abort", onAbort, { once: true });
      const options: Parameters<Dockerode["modem"]["dial"]>[0] = {
        method: request.method,
        path: `${request.path}?`,
        options: { _query: request.query ?? {}, _body: request.body ?? {} },
        statusCodes: { 200: true, 201: true, 204: true },
        // Read here: the client library waits for ever for the rest of an answer whose engine is gone.
        isStream: true,
        ...(request.credentials === undefined ? {} : { authconfig: { base64: paddedBase64Url(request.credentials) } }),
        ...(signal === undefined ? {} : { abortSignal: signal }),
      };
      this.#modem.dial(options, (error: unknown, answer: unknown) => {
        signal?.removeEventListener("abort", onAbort);
        if (error !== null && error !== undefined) reject(error);
        else resolve(answer);
      });
    });
  }
}

/** Engines before 23 want the padding, and take a header without it for no credentials at all. */
function paddedBase64Url(text: string): string {
  const bare = text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  return bare.padEnd(Math.ceil(bare.length / 4) * 4, "=");
}

type ByteStream = AsyncIterable<Buffer> & { destroy(): void };

function isStream(answer: unknown): answer is ByteStream {
  return typeof answer === "object" && answer !== null && Symbol.asyncIterator in answer && "destroy" in answer;
}

/** JSON, or the text that it is instead; undefined when there is none. */
async function readAnswer(answer: ByteStream, signal: AbortSignal | undefined): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of readChunks(answer, signal)) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

async function* readChunks(stream: ByteStream, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  const onAbort = (): void => stream.destroy();
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    throwIfAborted(signal);
    for await (const chunk of stream) yield chunk;
    throwIfAborted(signal);
  } catch (error) {
    throw engineFailure(error, signal);
  } finally {
    signal?.removeEventListener("abort", onAbort);
    stream.destroy();
  }
}

function connectionOf(address: string): Dockerode.DockerOptions {
  if (address.startsWith("unix://")) {
    // `host` is said explicitly: the library would otherwise take it from DOCKER_HOST and forget the socket.
    return { socketPath: address.slice("unix://".length), host: undefined, protocol: "http" };
  }
  try {
    const url = new URL(address);
    if (url.protocol === "tcp:" && url.hostname !== "") {
      return { socketPath: undefined, host: url.hostname, port: Number(url.port || "2375"), protocol: "http" };
    }
  } catch (error) {
    if (isSwarmError(error)) throw error;
    throw invalidArgument(`engine address ${address}: ${messageOf(error)}`);
  }
  throw invalidArgument(`engine address ${address}: only unix:// and tcp:// are known`);
}

/** A missing tag would fetch every tag there is. */
function pullQuery(reference: string): Readonly<Record<string, string>> {
  const digest = reference.indexOf("@");
  if (digest >= 0) return { fromImage: reference.slice(0, digest), tag: reference.slice(digest + 1) };
  const colon = reference.lastIndexOf(":");
  const hasTag = colon > reference.lastIndexOf("/");
  return hasTag
    ? { fromImage: reference.slice(0, colon), tag: reference.slice(colon + 1) }
    : { fromImage: reference, tag: "latest" };
}
