// Names of images as Docker writes them, short forms included.
// Source of the grammar: github.com/distribution/reference regexp.go and normalize.go.

const domainComponent = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const domain = `(?:${domainComponent}(?:\\.${domainComponent})*|\\[(?:[a-fA-F0-9:]+)\\])(?::[0-9]+)?`;
const pathComponent = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const tag = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}";
const digest = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}";
const reference = new RegExp(
  `^(?<name>${domain}/${pathComponent}(?:/${pathComponent})*)(?::(?<tag>${tag}))?(?:@(?<digest>${digest}))?$`,
);
const nameMax = 255;
/** Hex digits of the digests that are known. */
const digestDigits: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };

// Longer than any legal reference; keeps the pattern from long work on hostile input.
const referenceMax = 1_024;

/** True for what Docker accepts as an image: `nginx`, `user/app:1`, `host:5000/app@sha256:…`. */
export function isImageReference(text: string): boolean {
  // A bare id would be ambiguous with a name.
  if (text.length > referenceMax || /^[a-f0-9]{64}$/.test(text)) return false;
  const found = reference.exec(withDomain(text));
  const { name = "", digest: given } = found?.groups ?? {};
  if (found === null || name.slice(name.indexOf("/") + 1).length > nameMax) return false;
  return given === undefined || isKnownDigest(given);
}

/** Puts the default registry, and `library/` for its own images, before a short name. */
function withDomain(text: string): string {
  const slash = text.indexOf("/");
  const first = slash < 0 ? "" : text.slice(0, slash);
  const hasDomain = slash >= 0 && (/[.:]/.test(first) || first === "localhost" || first.toLowerCase() !== first);
  if (hasDomain) return text;
  return slash < 0 ? `docker.io/library/${text}` : `docker.io/${text}`;
}

function isKnownDigest(text: string): boolean {
  const [algorithm = "", hex = ""] = text.split(":");
  return digestDigits[algorithm] === hex.length && /^[0-9a-f]+$/.test(hex);
}
