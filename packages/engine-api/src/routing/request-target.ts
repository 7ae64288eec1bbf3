// The target of a request, read once and for all. The engine behind us reads the same bytes again with rules of its own
// (Go's decoder and router), so a target that could mean two things is refused instead of interpreted.
import { badRequest } from "../errors/http-error.ts";

export interface RequestTarget {
  /** Decoded, without the version prefix; begins with a slash. */
  readonly path: string;
  /** The decoded path between its slashes; the last one is empty for a path that ends in a slash. */
  readonly segments: readonly string[];
  /** N of a prefix `/v1.N`; undefined where there is none. */
  readonly minor: number | undefined;
  /** Without the question mark, as it was sent. */
  readonly query: string;
}

/** Where names hold slashes, so that clients may send them encoded; below them everything belongs to the engine. */
const namesWithSlashes: readonly string[] = ["images", "distribution", "plugins"];

const versionPrefix = /^v[0-9.]+$/;
const knownVersion = /^v1\.(?:0|[1-9][0-9]{0,2})$/;

/** Errors: HttpError 400 for a target that is no plain path, or that could be read in two ways. */
export function readTarget(target: string): RequestTarget {
  if (!target.startsWith("/")) throw badRequest("the request target must be a path");
  if (/[^\u0021-\u007e]|[#\\]/.test(target))
    throw badRequest("the request target holds characters that must be encoded");
  const mark = target.indexOf("?");
  const rawPath = mark < 0 ? target : target.slice(0, mark);
  const path = decodePath(rawPath);
  const segments = path.slice(1).split("/");
  if (segments.some((part, index) => part === "." || part === ".." || (part === "" && index < segments.length - 1))) {
    throw badRequest("the path holds empty segments or dots: give it without them");
  }
  const [first = ""] = segments;
  const version = versionPrefix.test(first) ? first : undefined;
  const own = version === undefined ? segments : segments.slice(1);
  if (/%2f/i.test(rawPath) && !namesWithSlashes.includes(rawPath.split("/")[version === undefined ? 1 : 2] ?? "")) {
    throw badRequest("the path holds an encoded slash, which could be read in two ways");
  }
  return {
    path: `/${own.join("/")}`,
    segments: own,
    minor: version === undefined ? undefined : minorOf(version),
    query: mark < 0 ? "" : target.slice(mark + 1),
  };
}

function minorOf(version: string): number {
  if (!knownVersion.test(version)) {
    throw badRequest(`"${version}" is no version of the Engine API: it is written as v1.41`);
  }
  return Number(version.slice("v1.".length));
}

function decodePath(raw: string): string {
  if (!raw.includes("%")) return raw;
  if (/%(?![0-9a-fA-F]{2})/.test(raw)) throw badRequest("the path holds a percent sign that encodes nothing");
  let path: string;
  try {
    path = decodeURIComponent(raw);
  } catch {
    throw badRequest("the path is not valid UTF-8");
  }
  for (const [code] of raw.matchAll(/%[0-9a-fA-F]{2}/g)) {
    const byte = Number.parseInt(code.slice(1), 16);
    // What needs no encoding would have two spellings; control characters, % and \ are read differently by different programs.
    if (byte < 0x20 || byte === 0x7f || /[A-Za-z0-9\-._~%\\]/.test(String.fromCharCode(byte))) {
      throw badRequest(`the path holds ${code}, which could be read in two ways`);
    }
  }
  return path;
}

/** Most requests have none. Nobody changes what was read. */
const noParameters = new URLSearchParams();

/** Errors: HttpError 400 for an encoding that is none, as Go says it. */
export function readQuery(query: string): URLSearchParams {
  if (query === "") return noParameters;
  const broken = /%(?![0-9a-fA-F]{2}).{0,2}/.exec(query);
  if (broken !== null) throw badRequest(`invalid URL escape ${JSON.stringify(broken[0])}`);
  return new URLSearchParams(query);
}
