import { deferred, invalidArgument, messageOf, notFound, whenAborted } from "@mswarm/runtime";
import { expect, test } from "vitest";
import { HttpError } from "../errors/http-error.ts";
import { answerEmpty, answerJson, answerStream, type FaceRequest, passToEngine, type Route } from "../routing/route.ts";
import type { RawConnection } from "../testing/raw-connection.ts";
import { soon, startTestFace } from "../testing/test-face.ts";

const version = '{"ApiVersion":"1.41","MinAPIVersion":"1.12"}';
const head = "Api-Version: 1.41\r\nDocker-Experimental: false\r\nOstype: linux\r\nServer: Docker/20.10.24 (linux)";
/** An engine that knows its version, and answers everything else with its path. */
function engine({ socket }: RawConnection): void {
  socket.once("data", (bytes: Buffer) => {
    const path = bytes.toString().split(" ")[1] ?? "";
    const body = path === "/version" ? version : `engine: ${path}`;
    socket.end(`HTTP/1.1 200 OK\r\n${head}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  });
}

const post = (path: string, body: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: d\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: d\r\n\r\n`;

/** The face's answer to the bytes `sent` on a connection of its own. */
async function answerTo(routes: readonly Route[], sent: string, pattern: RegExp): Promise<string> {
  const face = await startTestFace(routes, { engine });
  const client = await face.connect();
  client.send(sent);
  return await soon(() => {
    expect(client.received).toMatch(pattern);
    return client.received;
  });
}

const echo: Route = {
  method: "POST",
  pattern: "/services/{id}/update",
  handler: async (request) =>
    answerJson({ id: request.parameters["id"], minor: request.minor, body: await request.json() }),
};

test("a route gets its parameters, version and body, and answers with the engine's headers", async () => {
  const received = await answerTo([echo], post("/v1.40/services/web/update?version=1", '{"Name":"web"}'), /\}\n$/);
  expect(received).toMatch(/^HTTP\/1.1 200 OK\r\n/);
  expect(received).toContain(`${head}\r\n`);
  expect(received).toContain("\r\nContent-Type: application/json\r\n");
  expect(received).toContain('\r\n\r\n{"id":"web","minor":40,"body":{"Name":"web"}}\n');
});

test("a route without a version in its path speaks the engine's newest", async () => {
  expect(await answerTo([echo], post("/services/web/update", "{}"), /\}\n$/)).toContain('"minor":41');
});

test("versions that the engine does not serve are refused in its words", async () => {
  expect(await answerTo([echo], post("/v1.42/services/web/update", "{}"), /\}\n$/)).toContain(
    "HTTP/1.1 400 Bad Request\r\n",
  );
  expect(await answerTo([echo], post("/v1.42/services/web/update", "{}"), /\}\n$/)).toContain(
    '{"message":"client version 1.42 is too new. Maximum supported API version is 1.41"}',
  );
  expect(await answerTo([echo], post("/v1.11/services/web/update", "{}"), /\}\n$/)).toContain(
    "client version 1.11 is too old. Minimum supported API version is 1.12",
  );
});

test("the engine never sees a path of the swarm, not even one that nobody answers", async () => {
  const face = await startTestFace([], { engine });
  for (const path of ["/swarm/init", "/v1.41/nodes/", "/services", "/tasks/x/y/z", "/secrets", "/configs"]) {
    const client = await face.connect();
    client.send(get(path));
    await soon(() => expect(client.received).toMatch(/^HTTP\/1.1 404 .*\{"message":"page not found"\}/s));
  }
  expect(face.engineConnections).toHaveLength(0);
});

test("OPTIONS is answered 200 for every path of the swarm, as Docker does", async () => {
  const face = await startTestFace([echo], { engine });
  for (const path of ["/swarm/init", "/v1.41/services/web/update", "/nodes/x/y/z"]) {
    const client = await face.connect();
    client.send(`OPTIONS ${path} HTTP/1.1\r\nHost: d\r\n\r\n`);
    await soon(() => expect(client.received).toMatch(/^HTTP\/1.1 200 OK\r\n.*Content-Length: 0\r\n/s));
  }
  expect(face.engineConnections.filter(({ received }) => received.includes("OPTIONS"))).toEqual([]);
});

const smuggled = "GET /swarm HTTP/1.1\r\nHost: d\r\n\r\n";
test.each([
  ["two lengths", `POST /x HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\nContent-Length: ${smuggled.length}\r\n\r\n`],
  [
    "a length beside chunks",
    "POST /x HTTP/1.1\r\nHost: d\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  ],
  ["another encoding", "POST /x HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"],
  ["chunks that some overlook", "POST /x HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: xchunked\r\n\r\n"],
  ["chunks before HTTP/1.1", "POST /x HTTP/1.0\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["a folded header", "POST /x HTTP/1.1\r\nHost: d\r\nX-A: 1\r\n Content-Length: 5\r\n\r\n"],
  ["a space before the colon", "POST /x HTTP/1.1\r\nHost: d\r\nContent-Length : 5\r\n\r\n"],
  ["bare line feeds", "POST /x HTTP/1.1\nHost: d\nContent-Length: 5\n\n"],
  ["two hosts", "GET /x HTTP/1.1\r\nHost: d\r\nHost: e\r\n\r\n"],
  ["two credentials", "POST /x HTTP/1.1\r\nHost: d\r\nX-Registry-Auth: a\r\nX-Registry-Auth: b\r\n\r\n"],
  ["an absolute target", "GET http://d/swarm HTTP/1.1\r\nHost: d\r\n\r\n"],
  ["a tunnel", "CONNECT d:80 HTTP/1.1\r\nHost: d\r\n\r\n"],
  ["dots", "GET /containers/../swarm HTTP/1.1\r\nHost: d\r\n\r\n"],
])("a request with %s is refused, and nothing of it reaches the engine", async (_what, sent) => {
  const face = await startTestFace([], { engine });
  const client = await face.connect();
  client.send(sent + smuggled);
  await soon(() =>
    expect(client.received === "" ? client.hasEnded : /^HTTP\/1.1 400 /.test(client.received)).toBe(true),
  );
  expect(face.engineConnections).toHaveLength(0);
});

test("failures keep their status and text", async () => {
  const failing = (error: Error): Route => ({ method: "GET", pattern: "/x", handler: () => Promise.reject(error) });
  const text = (error: Error): Promise<string> => answerTo([failing(error)], get("/x"), /\}\n$/);
  expect(await text(new HttpError(503, "not a manager"))).toMatch(/^HTTP\/1.1 503 .*\{"message":"not a manager"\}/s);
  expect(await text(invalidArgument("bad name"))).toMatch(
    /^HTTP\/1.1 400 .*"rpc error: code = InvalidArgument desc = bad name"/s,
  );
  expect(await text(notFound("no node"))).toMatch(/^HTTP\/1.1 404 .*"rpc error: code = NotFound desc = no node"/s);
  const defect = await text(new TypeError("token SWMTKN-1-abc"));
  expect(defect).toMatch(/^HTTP\/1.1 500 /);
  expect(defect).not.toContain("SWMTKN");
});

test("a body that is too large or no JSON is refused, and the connection goes on", async () => {
  const route: Route = { ...echo, handler: async (request) => answerJson(await request.json(10)) };
  const face = await startTestFace([route], { engine });
  const client = await face.connect();
  client.send(post("/services/a/update", '{"long":"body"}'));
  await soon(() => expect(client.received).toContain("HTTP/1.1 413 "));
  const chunked = ["POST /services/a/update HTTP/1.1", "Host: d", "Transfer-Encoding: chunked", ""];
  client.send(...chunked, "4", "long", "8", "and more", "0", "", "");
  await soon(() => expect(client.received.match(/HTTP\/1.1 413 /g)).toHaveLength(2));
  client.send(post("/services/a/update", '{"a":1,'));
  await soon(() => expect(client.received).toContain("the body is not JSON"));
  client.send(post("/services/a/update", "{}"));
  await soon(() => expect(client.received).toContain("HTTP/1.1 200 OK"));
});

test("a body that nobody can send any more is no body, however late it is asked for", async () => {
  const begun = new Set<string>();
  const outcomes: unknown[] = [];
  const reading = async (request: FaceRequest): Promise<typeof passToEngine> => {
    begun.add(request.path);
    if (request.path === "/services/late/update") await whenAborted(request.signal);
    outcomes.push(await request.bytes().catch(messageOf));
    return passToEngine;
  };
  const face = await startTestFace([{ ...echo, handler: reading }], { engine });
  for (const id of ["early", "late"]) {
    const client = await face.connect();
    client.send(`POST /services/${id}/update HTTP/1.1`, "Host: d", "Content-Length: 10", "", "half");
    await soon(() => expect(begun).toContain(`/services/${id}/update`));
    client.close();
    await soon(() => expect(outcomes.at(-1)).toBe("the request ends within its body"));
    outcomes.length = 0;
  }
});

test("a request that the handler has read reaches the engine with the same body", async () => {
  const bodies: unknown[] = [];
  const handler = async (request: FaceRequest): Promise<typeof passToEngine> => {
    bodies.push(await request.json());
    return passToEngine;
  };
  const face = await startTestFace([{ method: "POST", pattern: "/networks/create", handler }]);
  const client = await face.connect();
  client.send(post("/networks/create", '{"Name": "n"}'));
  (await face.engineReceives("/version")).send("HTTP/1.1 500 No", "Content-Length: 0", "", "");
  const connection = await face.engineReceives('\r\n\r\n{"Name": "n"}', 1);
  expect(connection.received).toContain("Content-Length: 13\r\n");
  expect(bodies).toEqual([{ Name: "n" }]);
  connection.send("HTTP/1.1 201 Created", "Content-Length: 2", "", "{}");
  await soon(() => expect(client.received).toContain("201 Created"));
});

test("a stream goes out piece by piece, and is left when its client goes", async () => {
  const left = deferred();
  const next = deferred();
  const chunks = async function* (signal: AbortSignal): AsyncGenerator<Buffer> {
    try {
      yield Buffer.from("one");
      await next.promise;
      yield Buffer.from("two");
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    } finally {
      left.resolve();
    }
  };
  const route: Route = {
    method: "GET",
    pattern: "/services/{id}/logs",
    handler: async ({ signal }) => answerStream(chunks(signal)),
  };
  const face = await startTestFace([route], { engine });
  const client = await face.connect();
  client.send(get("/services/a/logs"));
  await soon(() => expect(client.received).toContain("one"));
  expect(client.received).not.toContain("two");
  next.resolve();
  await soon(() => expect(client.received).toContain("two"));
  client.close();
  await left.promise;
});

test("an empty answer has no body at all", async () => {
  const routes = [200, 204].map(
    (status): Route => ({ method: "DELETE", pattern: `/secrets/${status}`, handler: async () => answerEmpty(status) }),
  );
  const remove = (path: string): string => `DELETE ${path} HTTP/1.1\r\nHost: d\r\n\r\n`;
  expect(await answerTo(routes, remove("/secrets/200"), /\r\n\r\n$/)).toContain("Content-Length: 0\r\n");
  expect(await answerTo(routes, remove("/secrets/204"), /\r\n\r\n$/)).not.toContain("Content-Length");
});

test("a client that offers another protocol with an ordinary request is simply answered", async () => {
  const offer = "GET /nodes HTTP/1.1\r\nHost: d\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n";
  const route: Route = { method: "GET", pattern: "/nodes", handler: async () => answerJson([]) };
  expect(await answerTo([route], offer, /\[\]\n$/)).toMatch(/^HTTP\/1.1 200 OK/);
});

test("an ordinary request that offers another protocol and fails is told why", async () => {
  const offer = "GET /nodes HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
  const route: Route = { method: "GET", pattern: "/nodes", handler: () => Promise.reject(new HttpError(503, "no")) };
  expect(await answerTo([route], offer, /\}\n$/)).toMatch(/^HTTP\/1.1 503 .*\{"message":"no"\}/s);
  expect(await answerTo([], offer, /\}\n$/)).toMatch(/^HTTP\/1.1 404 /);
});
