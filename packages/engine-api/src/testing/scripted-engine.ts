import type { RawConnection } from "./raw-connection.ts";

/** An engine that answers each path (without its version) with a status and JSON; anything else is 404. */
export function scriptedEngine(
  answers: Readonly<Record<string, unknown>>,
  asked: string[] = [],
): (connection: RawConnection) => void {
  return ({ socket }) => {
    socket.once("data", (bytes: Buffer) => {
      const target = bytes.toString().split(" ")[1] ?? "";
      asked.push(decodeURIComponent(target));
      const path = target.replace(/^\/v1\.\d+/, "").replace(/\?.*$/, "");
      const found = path in answers;
      const body = JSON.stringify(found ? answers[path] : { message: "nothing here" });
      const head = ["Api-Version: 1.41", "Server: Docker/20.10.24 (linux)", "Content-Type: application/json"];
      const lines = [`HTTP/1.1 ${found ? "200 OK" : "404 Not Found"}`, ...head, `Content-Length: ${body.length}`];
      socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`);
    });
  };
}
