// Exit code 0 when a Docker Engine answers on the unix socket named by the first argument.
import { request } from "node:http";

const ping = request({ socketPath: process.argv[2], path: "/_ping", timeout: 2_000 }, (response) => {
  response.resume();
  process.exitCode = response.statusCode === 200 ? 0 : 1;
});
ping.on("timeout", () => ping.destroy());
ping.on("error", () => {
  process.exitCode = 1;
});
ping.end();
