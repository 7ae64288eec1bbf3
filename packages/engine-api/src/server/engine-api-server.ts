// The server of Docker's face: judges every request once, and gives it to a route or to the engine.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { listenOnUnixSocket } from "@mswarm/rpc";
import { type Clock, type Duration, type Logger, messageOf } from "@mswarm/runtime";
import { errorAnswer } from "../errors/error-answer.ts";
import { badRequest, notFoundHere } from "../errors/http-error.ts";
import { engineClient } from "../pass-through/engine-client.ts";
import { askInTime } from "../pass-through/engine-in-time.ts";
import { EngineSocket } from "../pass-through/engine-socket.ts";
import { forwardRequest, type PassThroughParts } from "../pass-through/forward-request.ts";
import { forwardUpgrade, responseOn } from "../pass-through/forward-upgrade.ts";
import type { FaceContext } from "../routing/face-context.ts";
import { IncomingRequest } from "../routing/incoming-request.ts";
import { checkHeaders } from "../routing/request-headers.ts";
import { type RequestTarget, readTarget } from "../routing/request-target.ts";
import { answerEmpty, type Route } from "../routing/route.ts";
import { type FoundRoute, isSwarmPath, RouteTable } from "../routing/route-table.ts";
import { EngineFacts } from "../version/engine-facts.ts";
import { negotiate } from "../version/negotiation.ts";
import { shareWithDockerGroup } from "./socket-group.ts";
import { refuseUnparsed } from "./unparsed-request.ts";
import { writeAnswer } from "./write-answer.ts";

export interface EngineApiServerParts {
  readonly routes: readonly Route[];
  /** Of the local engine's unix socket. */
  readonly enginePath: string;
  readonly context: Omit<FaceContext, "engine">;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Go's default: the registry credentials of a whole `docker build` travel in one header. */
const maxHeaderSize = 1024 * 1024;

const optionsRoute: FoundRoute = { handler: async () => answerEmpty(), parameters: {} };

interface JudgedRequest {
  readonly target: RequestTarget;
  /** Undefined: the engine's. */
  readonly route: FoundRoute | undefined;
}

export class EngineApiServer {
  readonly #parts: EngineApiServerParts;
  readonly #table: RouteTable;
  readonly #facts = new EngineFacts();
  readonly #passThrough: PassThroughParts;
  readonly #context: FaceContext;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** The answer under way of each connection: requests of one connection are taken one after another. */
  readonly #answering = new WeakMap<Duplex, ServerResponse>();

  constructor(parts: EngineApiServerParts) {
    const { enginePath, routes, context } = parts;
    this.#parts = parts;
    this.#table = new RouteTable(routes);
    this.#passThrough = { engine: new EngineSocket(enginePath), onAnswer: ({ headers }) => this.#facts.learn(headers) };
    this.#context = { ...context, engine: engineClient(this.#passThrough) };
    // Uploads and idle connections may take as long as they like, as with Docker.
    this.#server = createServer({ maxHeaderSize, requestTimeout: 0, keepAliveTimeout: 0 });
    // Node drops what is above the count without a word; the size is limited.
    this.#server.maxHeadersCount = 0;
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    const answer = (message: IncomingMessage, response: ServerResponse): void => void this.#inTurn(message, response);
    this.#server.on("request", answer);
    // The engine decides whether the body may come, or the handler by reading it.
    this.#server.on("checkContinue", answer);
    this.#server.on("upgrade", (message, socket, head) => void this.#upgrade(message, socket, head));
    this.#server.on("clientError", (error, socket) => {
      const current = this.#answering.get(socket);
      // An answer under way cannot be followed by another one.
      if (current?.headersSent === true && !current.writableFinished) socket.destroy();
      else refuseUnparsed(error, socket);
    });
  }

  /**
   * Listens on a unix socket of mode 0660 and, where there is one, of the group docker. A socket file that a dead process
   * left is replaced.
   * Errors: FAILED_PRECONDITION when another process answers there, UNAVAILABLE, INVALID_ARGUMENT for a path that is too long.
   */
  async listen(path: string): Promise<void> {
    await listenOnUnixSocket(this.#server, path);
    await shareWithDockerGroup(path, this.#parts.log);
  }

  /** Stops listening; what is still open after `graceful` is cut off. Idempotent. */
  async close(graceful: Duration): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    const timer = this.#parts.clock.timer(graceful, () => {
      for (const socket of this.#sockets) socket.destroy();
    });
    await closed;
    timer.cancel();
    this.#passThrough.engine.close();
  }

  async #inTurn(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = message;
    const before = this.#answering.get(socket);
    this.#answering.set(socket, response);
    // A client that goes away meanwhile is told by the close; what Node makes of a late write is of no interest.
    response.on("error", () => undefined);
    if (before !== undefined && !before.writableFinished && !before.destroyed) {
      await new Promise((resolve) => before.once("close", resolve));
    }
    if (!socket.destroyed) await this.#answer(message, response);
  }

  async #answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const { target, route } = this.#judge(message);
      if (route === undefined) await forwardRequest(message, response, this.#passThrough);
      else await this.#run(message, response, target, route);
    } catch (error) {
      this.#refuse(error, response);
    }
  }

  /** Whose a request is. Errors: HttpError 400 for one that could be read in two ways, 404. */
  #judge(message: IncomingMessage): JudgedRequest {
    const target = readTarget(message.url ?? "");
    checkHeaders(message);
    const route = this.#table.find(message.method ?? "", target.segments);
    if (route !== undefined || !isSwarmPath(target.segments)) return { target, route };
    // Whether a path exists or not. Source: moby api/server/router/system, its route for OPTIONS.
    if (message.method === "OPTIONS") return { target, route: optionsRoute };
    throw notFoundHere("page not found");
  }

  async #run(
    message: IncomingMessage,
    response: ServerResponse,
    target: RequestTarget,
    route: FoundRoute,
  ): Promise<void> {
    const gone = new AbortController();
    response.once("close", () => {
      if (!response.writableFinished) gone.abort();
    });
    await this.#knowEngine(gone.signal);
    const minor = negotiate(target.minor, this.#facts);
    const { parameters, handler } = route;
    const { apiMinor: newest } = this.#facts;
    const request = new IncomingRequest({ message, response, target, parameters, minor, newest, signal: gone.signal });
    const answer = await handler(request, this.#context);
    if (answer.kind === "engine") {
      await forwardRequest(message, response, this.#passThrough, await request.consumed);
    } else if (!response.destroyed) {
      await writeAnswer(answer, response, this.#facts.headers);
    }
  }

  /** An engine that does not answer keeps nobody from the swarm's part. */
  async #knowEngine(signal: AbortSignal): Promise<void> {
    if (this.#facts.isComplete) return;
    try {
      const answer = await askInTime(this.#context, { method: "GET", path: "/version" }, signal);
      if (answer.status === 200) this.#facts.learnVersion(await answer.json());
    } catch (error) {
      this.#parts.log.debug({ reason: messageOf(error) }, "the engine's version is not known");
    }
  }

  #refuse(error: unknown, response: ServerResponse): void {
    if (response.destroyed) return;
    if (response.headersSent) {
      this.#parts.log.debug({ reason: messageOf(error) }, "an answer of the Engine API broke off");
      response.destroy();
      return;
    }
    const answer = errorAnswer(error, this.#parts.log);
    if (answer.kind === "json") void writeAnswer(answer, response, this.#facts.headers);
  }

  async #upgrade(message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    // Errors of a connection end it; whoever uses it is told by its close.
    socket.on("error", () => undefined);
    const before = this.#answering.get(socket);
    if (before !== undefined && !before.writableFinished) {
      socket.destroy();
      return;
    }
    let response: ServerResponse | undefined;
    const answer = (): ServerResponse => {
      response ??= responseOn(message, socket);
      return response;
    };
    try {
      const { target, route } = this.#judge(message);
      if (route === undefined) {
        await forwardUpgrade(message, socket, head, this.#passThrough);
        return;
      }
      // Some clients offer another protocol with every request. Those with a body could be told from it by guessing only.
      const { "content-length": length = "0", "transfer-encoding": encoding } = message.headers;
      if (length !== "0" || encoding !== undefined) throw badRequest("this request cannot change the protocol");
      await this.#run(message, answer(), target, route);
    } catch (error) {
      if (socket.destroyed) return;
      this.#refuse(error, answer());
      socket.resume();
    }
  }
}
