// What the engine says of itself. Clients choose their API version by it, so the face repeats it and adds nothing.
import type { IncomingHttpHeaders } from "node:http";
import type { AnswerHeaders } from "../routing/route.ts";

/** Engines from 20.10 on are used. */
const oldestEngine = { apiMinor: 41, oldestMinor: 12 };

interface VersionAnswer {
  readonly MinAPIVersion?: unknown;
}

export class EngineFacts {
  /** Newest N of API version 1.N; that of the oldest engine in use while none has answered. */
  apiMinor: number = oldestEngine.apiMinor;
  /** Oldest N that it answers. */
  oldestMinor: number = oldestEngine.oldestMinor;
  #headers: AnswerHeaders = {
    "Api-Version": `1.${oldestEngine.apiMinor}`,
    "Docker-Experimental": "false",
    Ostype: "linux",
    Server: "Docker (linux)",
  };
  #server = "";
  #isComplete = false;

  /** For answers of our own. Source: engine-api reference 1. */
  get headers(): AnswerHeaders {
    return this.#headers;
  }

  /** False until `GET /version` was read of the engine that is there now. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Reads the head of any answer of the engine, which may be another one since the last. */
  learn(headers: IncomingHttpHeaders): void {
    const { "api-version": version, "docker-experimental": experimental = "false", ostype = "linux", server } = headers;
    const minor = /^1\.(?<minor>[0-9]{1,3})$/.exec(String(version))?.groups?.["minor"];
    if (minor === undefined || server === undefined) return;
    if (String(server) !== this.#server) this.#isComplete = false;
    this.#server = String(server);
    this.apiMinor = Number(minor);
    this.#headers = {
      "Api-Version": `1.${minor}`,
      "Docker-Experimental": String(experimental),
      Ostype: String(ostype),
      Server: String(server),
    };
  }

  /** @param answer  body of `GET /version` */
  learnVersion(answer: unknown): void {
    const { MinAPIVersion: oldest } = (answer ?? {}) as VersionAnswer;
    const minor = /^1\.(?<minor>[0-9]{1,3})$/.exec(String(oldest))?.groups?.["minor"];
    if (minor !== undefined) this.oldestMinor = Number(minor);
    this.#isComplete = true;
  }
}
