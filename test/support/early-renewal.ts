// A hook for daemons under test: certificates are renewed every two seconds, whatever their life. What the product does
// stays as it is: see what is replaced.
import { registerHooks } from "node:module";

const from = "return milliseconds(Math.max(0, between(now, due)));";
const to = "return milliseconds(2_000);";

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (!url.endsWith("/pki/src/renewal.ts")) return loaded;
    const source = Buffer.from(loaded.source as Uint8Array).toString("utf8");
    if (!source.includes(from)) throw new Error(`${url} has changed: there is no ${JSON.stringify(from)} to replace`);
    return { ...loaded, source: source.replace(from, to) };
  },
});
