// The manager's services on the control socket. The socket is there before, while and after this node is a manager, so
// what it serves looks for the manager at each call.
import {
  type BoundMethod,
  type BoundService,
  bindService,
  localOnly,
  type PolicyTable,
  type ServiceOf,
} from "@mswarm/rpc";
import { unavailable } from "@mswarm/runtime";
import { type Handlers, type ServiceName, serviceOf } from "@mswarm/wire";

/** The manager of this node, as the control socket uses it. */
export interface LocalManager {
  /** Services for the control socket, bound to this manager. */
  readonly localServices: readonly BoundService[];
}

/**
 * Stand-ins for the manager's services.
 *
 * @param current  the running manager, or the sentence that says why there is none
 */
export function proxyServices(
  names: readonly ServiceName[],
  current: () => LocalManager | string,
): readonly BoundService[] {
  return names.map((name) => proxyService(name, (path) => managerMethod(current(), path)));
}

const reason = "the control socket is this machine's own";

function proxyService<N extends ServiceName>(name: N, target: (path: string) => BoundMethod): BoundService {
  const methods = Object.entries(serviceOf(name));
  const handlers: object = Object.fromEntries(
    methods.map(([method, { path }]) => [
      method,
      (request: unknown, call: Parameters<BoundMethod["handle"]>[1]) => target(path).handle(request, call),
    ]),
  );
  const policy: object = Object.fromEntries(methods.map(([method]) => [method, localOnly(reason)]));
  // Both have exactly the methods of the service: they are made from its definition.
  const bound = bindService(name, handlers as ServiceOf<Handlers[N]>, policy as PolicyTable<Handlers[N]>);
  return {
    name,
    methods: bound.methods.map((method) => ({
      ...method,
      forward: {
        leader: async (signal, former) => (await target(method.path).forward?.leader(signal, former)) ?? { self: true },
      },
    })),
  };
}

const methodsByPath = new WeakMap<LocalManager, ReadonlyMap<string, BoundMethod>>();

function methodsOf(manager: LocalManager): ReadonlyMap<string, BoundMethod> {
  const known = methodsByPath.get(manager);
  if (known !== undefined) return known;
  const methods = new Map(
    manager.localServices.flatMap((service) => service.methods).map((method) => [method.path, method]),
  );
  methodsByPath.set(manager, methods);
  return methods;
}

/** One method of the manager of this node. Errors: UNAVAILABLE while there is none. */
export function managerMethod(current: LocalManager | string, path: string): BoundMethod {
  if (typeof current === "string") throw unavailable(current);
  const found = methodsOf(current).get(path);
  if (found === undefined) throw unavailable("the manager does not serve this yet");
  return found;
}
