import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { soon, startTestFace } from "../testing/test-face.ts";

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: docker\r\n\r\n`;
const ok = (body: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

test("a request reaches the engine with its target, headers and body, and its answer comes back", async () => {
  const face = await startTestFace();
  const client = await face.connect();
  client.send(
    "POST /v1.41/containers/create?name=a%20b HTTP/1.1",
    "Host: api.moby.localhost",
    "X-Odd-Case: Kept",
    "Content-Length: 2",
    "",
    "{}",
  );
  const engine = await face.engineReceives("\r\n\r\n{}");
  expect(engine.received).toContain("POST /v1.41/containers/create?name=a%20b HTTP/1.1\r\n");
  expect(engine.received).toContain("Host: api.moby.localhost\r\nX-Odd-Case: Kept\r\nContent-Length: 2\r\n");
  engine.send("HTTP/1.1 201 Created", "Api-Version: 1.41", "X-Engine: Says So", "Content-Length: 3", "", "abc");
  await soon(() => expect(client.received).toContain("\r\n\r\nabc"));
  expect(client.received).toBe(
    "HTTP/1.1 201 Created\r\nApi-Version: 1.41\r\nX-Engine: Says So\r\nContent-Length: 3\r\n\r\nabc",
  );
});

test("a connection is used again, and requests behind each other are taken in their order", async () => {
  const face = await startTestFace();
  const client = await face.connect();
  client.send(get("/first") + get("/second"));
  const first = await face.engineReceives("/first");
  expect(first.received).not.toContain("/second");
  first.send(ok("one"));
  const second = await face.engineReceives("/second");
  second.send(ok("two"));
  await soon(() => expect(client.received).toMatch(/one.*two$/s));
});

test("a chunked body streams in both directions, trailers included", async () => {
  const face = await startTestFace();
  const client = await face.connect();
  client.send("POST /build HTTP/1.1", "Host: d", "Transfer-Encoding: chunked", "Trailer: X-Sum", "", "5", "first", "");
  const engine = await face.engineReceives("5\r\nfirst\r\n");
  engine.send("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "Trailer: X-Done", "", "4", "step", "");
  await soon(() => expect(client.received).toContain("4\r\nstep\r\n"));
  client.send("3", "end", "0", "X-Sum: 7", "", "");
  await face.engineReceives("3\r\nend\r\n0\r\nX-Sum: 7\r\n\r\n");
  engine.send("0", "X-Done: yes", "", "");
  await soon(() => expect(client.received).toContain("0\r\nX-Done: yes\r\n\r\n"));
});

test("an answer without a length ends as the engine ends it, and its head does not wait for a body", async () => {
  const face = await startTestFace();
  const client = await face.connect();
  client.send(get("/containers/x/logs?follow=1"));
  const engine = await face.engineReceives("/logs");
  engine.send("HTTP/1.1 200 OK", "Content-Type: application/vnd.docker.raw-stream", "", "");
  await soon(() => expect(client.received).toContain("raw-stream\r\n"));
  engine.send("raw\n");
  await soon(() => expect(client.received).toContain("\r\n\r\nraw\n"));
  expect(client.received).not.toContain("chunked");
  engine.close();
  await soon(() => expect(client.hasEnded).toBe(true));
});

test("a client that asks first sends its body only when the engine wants it", async () => {
  const face = await startTestFace();
  const client = await face.connect();
  client.send("PUT /containers/x/archive HTTP/1.1", "Host: d", "Expect: 100-continue", "Content-Length: 4", "", "");
  const engine = await face.engineReceives("Expect: 100-continue");
  expect(client.received).toBe("");
  engine.send("HTTP/1.1 100 Continue", "", "");
  await soon(() => expect(client.received).toContain("100 Continue"));
  client.send("body");
  await face.engineReceives("\r\n\r\nbody");
  engine.send(ok("done"));
  await soon(() => expect(client.received).toContain("done"));
});

test("a wish for another protocol without Connection: Upgrade is none, and an engine that grants one is refused", async () => {
  const face = await startTestFace();
  const client = await face.connect();
  client.send("POST /session HTTP/1.1", "Host: d", "Upgrade: h2c", "Content-Length: 0", "", "");
  const engine = await face.engineReceives("POST /session");
  expect(engine.received).not.toContain("h2c");
  engine.send("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: h2c", "", "");
  await soon(() => expect(client.received).toContain("HTTP/1.1 502 "));
});

test("an engine that refuses before the body is heard, and the connection goes on", async () => {
  const face = await startTestFace();
  const client = await face.connect();
  client.send("POST /build HTTP/1.1", "Host: d", "Content-Length: 10", "", "half.");
  const engine = await face.engineReceives("half.");
  engine.send("HTTP/1.1 400 Bad Request", "Content-Length: 2", "", "no");
  await soon(() => expect(client.received).toContain("\r\n\r\nno"));
  await soon(() => expect(face.openEngineConnections()).toBe(0));
  client.send(`rest.${get("/next")}`);
  const next = await face.engineReceives("/next", 1);
  expect(next.received).not.toContain("rest.");
});

test("a client that goes away takes the engine's connection with it", async () => {
  const face = await startTestFace();
  for (const [index, request] of ["GET /events", "POST /build"].entries()) {
    const client = await face.connect();
    client.send(`${request} HTTP/1.1`, "Host: d", ...(index === 0 ? [] : ["Content-Length: 100"]), "", "");
    const engine = await face.engineReceives(request, index);
    if (index === 0) engine.send("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "", "2", "{}", "");
    client.close();
    await soon(() => expect(engine.hasEnded).toBe(true));
  }
});

test("an answer that breaks off does not look whole", async () => {
  const face = await startTestFace();
  const client = await face.connect();
  client.send(get("/images/x/get"));
  const engine = await face.engineReceives("/get");
  engine.send("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "", "4", "part", "");
  await soon(() => expect(client.received).toContain("part"));
  engine.close();
  await soon(() => expect(client.hasEnded).toBe(true));
  expect(client.received).not.toContain("\r\n0\r\n");
});

test("a slow reader slows the engine instead of filling the daemon", async () => {
  const face = await startTestFace();
  const client = await face.connect();
  client.socket.pause();
  client.send(get("/images/big/get"));
  const engine = await face.engineReceives("/get");
  engine.send("HTTP/1.1 200 OK", "Content-Length: 104857600", "", "");
  const block = Buffer.alloc(1024 * 1024);
  let accepted = 0;
  // The engine's side fills up for good when the face stops reading.
  while (accepted < 100 && engine.socket.writableLength < 8 * block.length) {
    engine.socket.write(block);
    accepted += 1;
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(accepted).toBeLessThan(30);
  while (accepted < 100) {
    engine.socket.write(block);
    accepted += 1;
  }
  client.socket.resume();
  await soon(() => expect(client.byteCount).toBeGreaterThan(100 * block.length));
});

test("without an engine the client is told so", async () => {
  const face = await startTestFace([], { engine: (connection) => connection.close() });
  const client = await face.connect();
  client.send(get("/containers/json"));
  await soon(() => expect(client.received).toContain("HTTP/1.1 503 Service Unavailable"));
  await soon(() => expect(client.received).toMatch(/\{"message":"the Docker Engine at unix:.* does not answer/));
  expect(client.received).toContain("Content-Type: application/json\r\n");
});

/** Says "x" to each request as it comes. */
const answering = ({ socket }: { readonly socket: Socket }): void => {
  socket.on("data", () => socket.write(ok("x")));
};

test("thousands of requests that change something leave no connection behind", async () => {
  const face = await startTestFace([], { engine: answering });
  const client = await face.connect();
  for (let round = 1; round <= 20; round += 1) {
    client.send("POST /prune HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n".repeat(100));
    await soon(() => expect(client.byteCount).toBe(ok("x").length * 100 * round));
  }
  expect(face.engineConnections).toHaveLength(2_000);
  await soon(() => expect(face.openEngineConnections()).toBe(0));
});

test("questions share connections, and of those of many callers at once a few stay open", async () => {
  const face = await startTestFace([], { engine: answering });
  const clients = await Promise.all(Array.from({ length: 100 }, () => face.connect()));
  for (let round = 1; round <= 5; round += 1) {
    for (const client of clients) client.send(get("/info2"));
    await soon(() =>
      expect(clients.map(({ byteCount }) => byteCount)).toEqual(clients.map(() => ok("x").length * round)),
    );
  }
  await soon(() => expect(face.openEngineConnections()).toBeLessThanOrEqual(16));
});

test("a question is asked again when the connection of an earlier one turns out to be dead", async () => {
  const face = await startTestFace();
  const client = await face.connect();
  client.send(get("/first"));
  (await face.engineReceives("/first")).send(ok("one"));
  await soon(() => expect(client.received).toContain("\r\n\r\none"));
  client.send(get("/second"));
  (await face.engineReceives("/second")).close();
  (await face.engineReceives("/second", 1)).send(ok("two"));
  await soon(() => expect(client.received).toMatch(/one.*200 OK.*\r\n\r\ntwo$/s));
});

test("what changes something has a connection of its own, and is never sent twice", async () => {
  const face = await startTestFace();
  const client = await face.connect();
  client.send(get("/first"));
  (await face.engineReceives("/first")).send(ok("one"));
  await soon(() => expect(client.received).toContain("\r\n\r\none"));
  client.send("DELETE /containers/x HTTP/1.1", "Host: d", "", "");
  (await face.engineReceives("DELETE /containers/x", 1)).close();
  await soon(() => expect(client.received).toContain("HTTP/1.1 503 Service Unavailable"));
  expect(face.engineConnections).toHaveLength(2);
});

test("a client that goes away in the middle of an answer leaves no half-read connection to the next question", async () => {
  const face = await startTestFace();
  const leaving = await face.connect();
  leaving.send(get("/images/x/get"));
  const first = await face.engineReceives("/get");
  first.send("HTTP/1.1 200 OK", "Content-Length: 10", "", "half.");
  await soon(() => expect(leaving.received).toContain("half."));
  leaving.close();
  await soon(() => expect(first.hasEnded).toBe(true));
  const client = await face.connect();
  client.send(get("/next"));
  (await face.engineReceives("/next", 1)).send(ok("whole"));
  await soon(() => expect(client.received).toMatch(/\r\n\r\nwhole$/));
});
