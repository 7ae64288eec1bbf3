// Loads all parts of the program in a folder but its main one, so that node keeps V8's compiled code of them in
// NODE_COMPILE_CACHE: load-bundle.mjs FOLDER.
import { readdirSync } from "node:fs";
import { pathToFileURL } from "node:url";

const folder = process.argv[2];
for (const name of readdirSync(folder)) {
  if (name.endsWith(".js") && name !== "main.js") await import(pathToFileURL(`${folder}/${name}`).href);
}
