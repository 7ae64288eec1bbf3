// A hook for daemons under test: node certificates may live for a minute, and reach a minute into the past instead of an
// hour, so that a test sees nodes renew theirs. What the product allows stays as it is: see the limits that are replaced.
import { registerHooks } from "node:module";

const changes: Readonly<Record<string, readonly (readonly [from: string, to: string])[]>> = {
  "/pki/src/certificate-authority.ts": [
    ["minimumNodeCertificateValidity: Duration = hours(1)", "minimumNodeCertificateValidity: Duration = seconds(1)"],
    ["const nodeBackdate = hours(1)", "const nodeBackdate = seconds(50)"],
    // Rounded to the minute, a certificate could begin in the future.
    ["const minute = minutes(1)", "const minute = milliseconds(1)"],
  ],
  "/manager/src/objects/cluster-spec.ts": [
    ["shortestCertificateExpiry = hours(1)", "shortestCertificateExpiry = milliseconds(1)"],
  ],
};

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const [, wanted] = Object.entries(changes).find(([ending]) => url.endsWith(ending)) ?? [];
    if (wanted === undefined) return loaded;
    const source = String(loaded.source);
    return { ...loaded, source: wanted.reduce((text, [from, to]) => replaced(text, from, to, url), source) };
  },
});

function replaced(text: string, from: string, to: string, url: string): string {
  if (!text.includes(from)) throw new Error(`${url} has changed: there is no ${JSON.stringify(from)} to replace`);
  return text.replace(from, to);
}
