// Exit code 0 when somebody answers on the unix socket named by the first argument; with "engine" as the second, when that is a
// Docker Engine.
import { request } from "node:http";
import { connect } from "node:net";

const [path, kind] = process.argv.slice(2);
const limit = 2_000;
process.exitCode = 1;
if (kind === "engine") {
  const ping = request({ socketPath: path, path: "/_ping", timeout: limit }, (response) => {
    response.resume();
    process.exitCode = response.statusCode === 200 ? 0 : 1;
  });
  ping.on("timeout", () => ping.destroy());
  ping.on("error", () => undefined);
  ping.end();
} else {
  const socket = connect(path);
  socket.setTimeout(limit, () => socket.destroy());
  socket.on("error", () => undefined);
  socket.on("connect", () => {
    process.exitCode = 0;
    socket.destroy();
  });
}
