import { execFileSync } from "node:child_process";
import { readFile, stat } from "node:fs/promises";
import { milliseconds, silentLogger, systemClock } from "@mswarm/runtime";
import { expect, test } from "vitest";
import { startTestFace, testContext } from "../testing/test-face.ts";
import { EngineApiServer } from "./engine-api-server.ts";

const server = (): EngineApiServer =>
  new EngineApiServer({
    routes: [],
    enginePath: "/nowhere/docker.sock",
    context: testContext(),
    clock: systemClock(),
    log: silentLogger(),
  });

test("the socket is for its owner and, where there is one, the group docker", async () => {
  const { path } = await startTestFace();
  const { mode, gid } = await stat(path);
  expect(mode & 0o777).toBe(0o660);
  const groups = await readFile("/etc/group", "utf8");
  const docker = /^docker:[^:]*:(?<id>\d+):/m.exec(groups)?.groups?.["id"];
  // Without rights to give it away it stays in the group of the process.
  const own = process.getgid?.() ?? 0;
  expect([Number(docker ?? own), own].slice(0, process.getuid?.() === 0 ? 1 : 2)).toContain(gid);
});

test("a socket that a dead process left is replaced, one in use is not", async () => {
  const { path } = await startTestFace();
  await expect(server().listen(path)).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
  const left = path.replace("f.sock", "left.sock");
  const leave =
    "const s=require('net').createServer();s.listen(process.argv[1],()=>process.kill(process.pid,'SIGKILL'))";
  expect(() => execFileSync(process.execPath, ["-e", leave, left])).toThrow();
  expect((await stat(left)).isSocket()).toBe(true);
  const second = server();
  await second.listen(left);
  await second.close(milliseconds(0));
});
