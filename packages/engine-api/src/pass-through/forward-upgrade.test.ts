import { expect, test } from "vitest";
import { soon, startTestFace } from "../testing/test-face.ts";

const start = [
  "POST /v1.41/exec/abc/start HTTP/1.1",
  "Host: d",
  "Connection: Upgrade",
  "Upgrade: tcp",
  "Content-Type: application/json",
  "Content-Length: 2",
  "",
  "{}",
];
const upgraded = [
  "HTTP/1.1 101 UPGRADED",
  "Content-Type: application/vnd.docker.raw-stream",
  "Connection: Upgrade",
  "Upgrade: tcp",
  "",
  "",
];

test("a hijacked connection carries both directions and closes one at a time", async () => {
  const face = await startTestFace();
  const client = await face.connect();
  client.send(...start);
  const engine = await face.engineReceives("\r\n\r\n{}");
  expect(engine.received).toContain("Upgrade: tcp\r\n");
  expect(engine.received).toMatch(/Connection: Upgrade\r\n/);
  engine.send(...upgraded, "");
  engine.send("prompt$ ");
  await soon(() => expect(client.received).toContain("prompt$ "));
  expect(client.received).toContain("HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n");
  client.send("input");
  client.socket.end();
  await face.engineReceives("input");
  await soon(() => expect(engine.hasEnded).toBe(true));
  // The command goes on and says its last word after the end of its input.
  engine.send("last word");
  engine.socket.end();
  await soon(() => expect(client.received).toContain("last word"));
  await soon(() => expect(client.hasEnded).toBe(true));
  await soon(() => expect(face.openEngineConnections()).toBe(0));
});

test("an engine that ends first still has its output delivered", async () => {
  const face = await startTestFace();
  const client = await face.connect();
  client.send(...start);
  const engine = await face.engineReceives("{}");
  engine.send(...upgraded);
  engine.socket.end(Buffer.alloc(4_000_000, "o"));
  client.send("typed after the end");
  await soon(() => expect(client.byteCount).toBeGreaterThan(4_000_000));
  await soon(() => expect(client.hasEnded).toBe(true));
});

test("what a client sends behind its body waits until the engine has agreed to another protocol", async () => {
  const face = await startTestFace();
  const client = await face.connect();
  const hidden = "POST /v1.41/swarm/leave?force=1 HTTP/1.1\r\nHost: d\r\n\r\n";
  client.send(...start);
  client.send(hidden);
  const engine = await face.engineReceives("{}");
  engine.send("HTTP/1.1 404 Not Found", "Content-Type: application/json", "Content-Length: 16", "", '{"message":"no"}');
  await soon(() => expect(client.received).toContain('{"message":"no"}'));
  await soon(() => expect(client.hasEnded).toBe(true));
  expect(engine.received).not.toContain("leave");
  expect(face.engineConnections).toHaveLength(1);
});

test("input that came early is the command's once the engine has agreed", async () => {
  const face = await startTestFace();
  const client = await face.connect();
  client.send(...start);
  client.send("early input");
  const engine = await face.engineReceives("{}");
  expect(engine.received).not.toContain("early input");
  engine.send(...upgraded);
  await face.engineReceives("early input");
});

test("a client that went away before the engine's answer is noticed when its output comes", async () => {
  const face = await startTestFace();
  const client = await face.connect();
  client.send(...start);
  const engine = await face.engineReceives("{}");
  client.close();
  engine.send(...upgraded);
  engine.send("output for nobody");
  await soon(() => expect(engine.hasEnded).toBe(true));
});

test("without an engine the client is told so", async () => {
  const face = await startTestFace([], { engine: (connection) => connection.close() });
  const client = await face.connect();
  client.send(...start);
  await soon(() => expect(client.received).toMatch(/^HTTP\/1.1 503 .*does not answer/s));
  await soon(() => expect(client.hasEnded).toBe(true));
});

test("a chunked request cannot change the protocol", async () => {
  const face = await startTestFace();
  const client = await face.connect();
  client.send(
    "POST /session HTTP/1.1",
    "Host: d",
    "Connection: Upgrade",
    "Upgrade: h2c",
    "Transfer-Encoding: chunked",
    "",
    "",
  );
  await soon(() => expect(client.received).toMatch(/^HTTP\/1.1 400 /));
  expect(face.engineConnections).toHaveLength(0);
});
