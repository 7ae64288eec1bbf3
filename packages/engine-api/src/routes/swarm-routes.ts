// The swarm itself, and this node's part in it. Source: engine-api reference 5.
import {
  clusterSpec,
  initRequest,
  type Json,
  joinRequest,
  specOfInit,
  swarmJson,
  unlockRequest,
} from "@mswarm/docker-json";
import { isSwarmError } from "@mswarm/runtime";
import type { ClusterSpec } from "@mswarm/wire";
import {
  badRequest,
  HttpError,
  notImplemented,
  plainly,
  serverError,
  serviceUnavailable,
} from "../errors/http-error.ts";
import { booleanParameter } from "../routing/query.ts";
import { answerEmpty, answerJson, type FaceAnswer, type FaceRequest, type Route } from "../routing/route.ts";
import { findCluster } from "./lookup.ts";
import { type ManagerCall, onManager } from "./manager-call.ts";
import { bodyOf, readAs, strictFlag, versionParameter, versionText } from "./parameters.ts";
import { swarmIssuer } from "./swarm-issuer.ts";

/** What the daemon says, without a gRPC prefix. That a node is in a swarm already is a state, not a conflict: 503. */
async function ofDaemon<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (isSwarmError(error, "ALREADY_EXISTS")) throw serviceUnavailable(error.message);
    // Docker's parser of tokens gives its errors no class.
    throw isSwarmError(error) && error.message === "invalid join token" ? serverError(error.message) : plainly(error);
  }
}

function requireListenAddress({ listenAddr = "" }: { readonly listenAddr?: string }): void {
  if (listenAddr === "") throw badRequest('invalid ListenAddr "": invalid empty address');
}

const alreadyPart =
  'This node is already part of a swarm. Use "docker swarm leave" to leave this swarm and join another one.';

/** What overrides the defaults of a new swarm: everything that is not zero. Source: moby initClusterSpec. */
function merged(defaults: ClusterSpec, given: ClusterSpec): ClusterSpec {
  const { annotations, orchestration, raft, dispatcher, caConfig, taskDefaults } = given;
  return {
    ...defaults,
    annotations: { ...defaults.annotations, ...annotations },
    orchestration: { ...defaults.orchestration, ...orchestration },
    raft: { ...defaults.raft, ...raft },
    dispatcher: { ...defaults.dispatcher, ...dispatcher },
    caConfig: { ...defaults.caConfig, ...caConfig },
    taskDefaults: { ...defaults.taskDefaults, ...taskDefaults },
  };
}

const saysSomething = (spec: ClusterSpec): boolean =>
  [spec.orchestration, spec.raft, spec.dispatcher, spec.caConfig, spec.taskDefaults, spec.annotations].some(
    (part) => Object.keys(part ?? {}).length > 0,
  );

const initRoute: Route = {
  method: "POST",
  pattern: "/swarm/init",
  handler: async (request, context) => {
    const init = await bodyOf(request, initRequest);
    const json = ((await request.json()) ?? {}) as Json;
    const spec = readAs({ read: specOfInit }, json, request.minor);
    if (context.nodeState().kind !== "inactive" && init.forceNewCluster !== true) throw serviceUnavailable(alreadyPart);
    requireListenAddress(init);
    const autolock = spec.encryptionConfig?.autoLockManagers ?? false;
    const { nodeId = "" } = await ofDaemon(context.daemon.Init({ ...init, autolock }, { signal: request.signal }));
    if (saysSomething(spec)) await onManager((call) => applySettings(call, spec))(request, context);
    return answerJson(nodeId);
  },
};

async function applySettings(call: ManagerCall, spec: ClusterSpec): Promise<FaceAnswer> {
  const { id = "", meta, spec: defaults = {} } = await findCluster(call);
  const change = { clusterId: id, clusterVersion: meta?.version ?? {}, spec: merged(defaults, spec), rotation: {} };
  await call.control.UpdateCluster(change, call.options);
  return answerEmpty();
}

const joinRoute: Route = {
  method: "POST",
  pattern: "/swarm/join",
  handler: async (request, context) => {
    const join = await bodyOf(request, joinRequest);
    if (context.nodeState().kind !== "inactive") throw serviceUnavailable(alreadyPart);
    requireListenAddress(join);
    if ((join.remoteAddrs ?? []).length === 0) throw badRequest("at least 1 RemoteAddr is required to join");
    await ofDaemon(context.daemon.Join(join, { signal: request.signal }));
    return answerEmpty();
  },
};

const leaveRoute: Route = {
  method: "POST",
  pattern: "/swarm/leave",
  handler: async ({ query, signal }, { daemon }) => {
    await ofDaemon(daemon.Leave({ force: booleanParameter(query, "force") }, { signal }));
    return answerEmpty();
  },
};

const unlockRoute: Route = {
  method: "POST",
  pattern: "/swarm/unlock",
  handler: async (request, context) => {
    const { unlockKey = "" } = await bodyOf(request, unlockRequest);
    const { kind } = context.nodeState();
    if (kind !== "locked") {
      // A node that is no manager says so; one that is has nothing to unlock.
      await context.control();
      throw new HttpError(409, "swarm is not locked");
    }
    try {
      await context.daemon.Unlock({ unlockKey }, { signal: request.signal });
    } catch (error) {
      const isWrongKey = isSwarmError(error, "UNAUTHENTICATED") || isSwarmError(error, "PERMISSION_DENIED");
      throw isWrongKey
        ? new HttpError(401, "swarm could not be unlocked: invalid key provided", { cause: error })
        : plainly(error);
    }
    return answerEmpty();
  },
};

function rotationOf({ query }: FaceRequest): {
  workerJoinToken: boolean;
  managerJoinToken: boolean;
  managerUnlockKey: boolean;
} {
  const rotates = (name: string): boolean =>
    strictFlag(query, name, (given) => badRequest(`invalid value for ${name}: ${given}`));
  return {
    workerJoinToken: rotates("rotateWorkerToken"),
    managerJoinToken: rotates("rotateManagerToken"),
    managerUnlockKey: rotates("rotateManagerUnlockKey"),
  };
}

export const ownSwarmRoutes: readonly Route[] = [
  initRoute,
  joinRoute,
  leaveRoute,
  unlockRoute,
  {
    method: "GET",
    pattern: "/swarm",
    handler: onManager(async (call) => {
      const cluster = await findCluster(call);
      return answerJson(swarmJson(cluster, swarmIssuer(cluster)));
    }),
  },
  {
    method: "GET",
    pattern: "/swarm/unlockkey",
    handler: onManager(async (call) => {
      const { spec } = await findCluster(call);
      // Where autolock is off there is no key; where it is on, this answer would be a wrong one.
      if (spec?.encryptionConfig?.autoLockManagers === true) {
        throw notImplemented("this version of mswarm does not show unlock keys: `mswarm unlock-key` may");
      }
      return answerJson({ UnlockKey: "" });
    }),
  },
  {
    method: "POST",
    pattern: "/swarm/update",
    handler: onManager(async (call) => {
      const { request, control, options } = call;
      await request.json();
      const clusterVersion = versionParameter(request.query, versionText("swarm"));
      const rotation = rotationOf(request);
      const given = await bodyOf(request, clusterSpec);
      const { id = "" } = await findCluster(call);
      const name = given.annotations?.name ?? "default";
      if (name !== "default") throw badRequest('swarm spec must be named "default"');
      const spec = { ...given, annotations: { ...given.annotations, name } };
      await control.UpdateCluster({ clusterId: id, clusterVersion, spec, rotation }, options);
      return answerEmpty();
    }),
  },
];
