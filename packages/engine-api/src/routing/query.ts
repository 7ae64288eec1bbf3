// Query parameters as Docker reads them.

/** False for absent, "", 0, no, false and none; true for anything else. Source: moby api/server/httputils/form.go. */
export function booleanParameter(query: URLSearchParams, name: string): boolean {
  return !["", "0", "no", "false", "none"].includes((query.get(name) ?? "").trim().toLowerCase());
}
