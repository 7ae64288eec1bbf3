// A registry on loopback that serves one image, so that pulls can be tested where no registry can be reached.
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { invariant } from "@mswarm/runtime";

export interface ImageRegistry {
  /** `127.0.0.1:port`; Docker talks plain HTTP to loopback. */
  readonly host: string;
  /** Digest of the image's manifest. */
  readonly digest: string;
  /** Paths that were asked for. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

const digestOf = (bytes: Buffer): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const manifestType = "application/vnd.docker.distribution.manifest.v2+json";
const repository = "team/tool";

/** Serves `<host>/team/tool:1` and the same by digest; with a password only to user `u`. */
export async function serveImage(options: { readonly password?: string } = {}): Promise<ImageRegistry> {
  // An empty archive is a layer, too: two blocks of zeros.
  const archive = Buffer.alloc(1024);
  const layer = gzipSync(archive);
  const config = Buffer.from(
    JSON.stringify({
      architecture: "amd64",
      os: "linux",
      config: { Cmd: ["/none"] },
      rootfs: { type: "layers", diff_ids: [digestOf(archive)] },
    }),
  );
  const described = (mediaType: string, bytes: Buffer) => ({ mediaType, size: bytes.length, digest: digestOf(bytes) });
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config: described("application/vnd.docker.container.image.v1+json", config),
      layers: [described("application/vnd.docker.image.rootfs.diff.tar.gzip", layer)],
    }),
  );
  const files = new Map<string, { readonly type: string; readonly bytes: Buffer }>([
    ["/v2/", { type: "application/json", bytes: Buffer.from("{}") }],
    ...[layer, config].map(
      (bytes) => [`/v2/${repository}/blobs/${digestOf(bytes)}`, { type: "application/octet-stream", bytes }] as const,
    ),
    ...["1", digestOf(manifest)].map(
      (name) => [`/v2/${repository}/manifests/${name}`, { type: manifestType, bytes: manifest }] as const,
    ),
  ]);
  const wanted =
    options.password === undefined ? undefined : `Basic ${Buffer.from(`u:${options.password}`).toString("base64")}`;
  const requests: string[] = [];
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    requests.push(request.url ?? "");
    if (wanted !== undefined && request.headers.authorization !== wanted) {
      response.writeHead(401, { "www-authenticate": 'Basic realm="test"' }).end();
      return;
    }
    const file = files.get(request.url ?? "");
    if (file === undefined) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, {
      "content-type": file.type,
      "content-length": file.bytes.length,
      "docker-content-digest": digestOf(file.bytes),
    });
    response.end(request.method === "HEAD" ? undefined : file.bytes);
  };
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  invariant(typeof address === "object" && address !== null, "a TCP server has an address");
  return {
    host: `127.0.0.1:${address.port}`,
    digest: digestOf(manifest),
    requests,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
