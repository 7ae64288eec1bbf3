// Resources that are counted or named by the operator: `gpu=2` (discrete) or `gpu=uuid1, gpu=uuid2` (named).
// Source: swarmkit api/genericresource; wire reference 7.9.
import type { GenericResource } from "@mswarm/wire";

/** What a node has, or what is in use: a number for each discrete kind, the values of each named kind. */
export class GenericResources {
  readonly #discrete = new Map<string, number>();
  readonly #named = new Map<string, Set<string>>();

  static of(resources: readonly GenericResource[] | undefined): GenericResources {
    const all = new GenericResources();
    for (const resource of resources ?? []) all.add(resource);
    return all;
  }

  add({ discreteResourceSpec: discrete, namedResourceSpec: named }: GenericResource): void {
    if (discrete !== undefined) {
      const kind = discrete.kind ?? "";
      this.#discrete.set(kind, (this.#discrete.get(kind) ?? 0) + Number(discrete.value ?? 0));
    } else if (named !== undefined) {
      const kind = named.kind ?? "";
      this.#named.set(kind, (this.#named.get(kind) ?? new Set()).add(named.value ?? ""));
    }
  }

  remove({ discreteResourceSpec: discrete, namedResourceSpec: named }: GenericResource): void {
    if (discrete !== undefined) {
      const kind = discrete.kind ?? "";
      this.#discrete.set(kind, (this.#discrete.get(kind) ?? 0) - Number(discrete.value ?? 0));
    } else if (named !== undefined) {
      this.#named.get(named.kind ?? "")?.delete(named.value ?? "");
    }
  }

  /** The part of `wanted` can be taken from these when `used` is taken already; undefined when it cannot. */
  claim(wanted: readonly GenericResource[], used: GenericResources): readonly GenericResource[] | undefined {
    const claimed: GenericResource[] = [];
    for (const { discreteResourceSpec: discrete, namedResourceSpec: named } of wanted) {
      const kind = discrete?.kind ?? named?.kind ?? "";
      const free = [...(this.#named.get(kind) ?? [])].filter((value) => used.#named.get(kind)?.has(value) !== true);
      const count = Number(discrete?.value ?? 0);
      if (named !== undefined) {
        if (!free.includes(named.value ?? "")) return undefined;
        claimed.push({ namedResourceSpec: named });
      } else if (this.#named.has(kind)) {
        if (free.length < count) return undefined;
        claimed.push(...free.slice(0, count).map((value) => ({ namedResourceSpec: { kind, value } })));
      } else {
        if ((this.#discrete.get(kind) ?? 0) - (used.#discrete.get(kind) ?? 0) < count) return undefined;
        claimed.push({ discreteResourceSpec: { kind, value: String(count) } });
      }
    }
    return claimed;
  }
}
