import type { Duplex } from "node:stream";

/**
 * Joins two connections, with back-pressure. An end is passed on as an end: the other direction goes on. A client that is
 * gone takes the engine's connection with it; whatever ends the engine's side, what it has said before still goes out.
 */
export function splice(client: Duplex, engine: Duplex): void {
  client.pipe(engine);
  engine.pipe(client);
  engine.on("error", () => {
    client.unpipe(engine);
    client.end();
    // Read on, or the client's own end would never be seen.
    client.resume();
  });
  client.on("error", () => engine.destroy());
  client.once("close", () => engine.destroy());
}
