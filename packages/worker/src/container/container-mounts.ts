import type { BindPropagation, ContainerMount } from "@mswarm/engine";
import { invalidArgument, unimplemented } from "@mswarm/runtime";
import type { Mount, Mount_BindOptions } from "@mswarm/wire";

/**
 * A mount of the specification, its templates filled in. UNIMPLEMENTED: Windows pipes and cluster volumes.
 * INVALID_ARGUMENT: paths that mean another kind of mount, in Docker's words.
 */
export function containerMount(mount: Mount): ContainerMount {
  const { target = "", source = "" } = mount;
  const readOnly = mount.readonly ?? false;
  const type = mount.type ?? "BIND";
  checkPaths(type, source, target);
  switch (type) {
    case "BIND":
      return { type: "bind", target, source, readOnly, ...bindOptions(mount.bindOptions) };
    case "VOLUME":
      return { type: "volume", target, source, readOnly, ...volumeOptions(mount.volumeOptions) };
    case "TMPFS":
      return { type: "tmpfs", target, readOnly, ...tmpfsOptions(mount.tmpfsOptions) };
    case "NPIPE":
      throw unimplemented(`mount at ${target}: named pipes exist on Windows only`);
    case "CLUSTER":
      throw unimplemented(`mount at ${target}: cluster volumes are not supported by this worker`);
    default:
      throw unimplemented(`mount at ${target}: a type of mount that this version does not know`);
  }
}

/** Source: moby daemon/cluster/executor/container/validate.go. The engine is never told of a tmpfs's source. */
function checkPaths(type: NonNullable<Mount["type"]>, source: string, target: string): void {
  if (type !== "NPIPE" && !isAbsolute(target)) {
    throw invalidArgument(`invalid mount target, must be an absolute path: ${target}`);
  }
  if (type === "BIND" && !isAbsolute(source)) {
    throw invalidArgument(`invalid bind mount source, must be an absolute path: ${source}`);
  }
  if (type === "VOLUME" && isAbsolute(source)) {
    throw invalidArgument(`invalid volume mount source, must not be an absolute path: ${source}`);
  }
  if (type === "TMPFS" && source !== "") throw invalidArgument("invalid tmpfs source, source must be empty");
}

const isAbsolute = (path: string): boolean => path.startsWith("/");

function bindOptions(options: Mount_BindOptions | undefined) {
  if (options === undefined) return {};
  return {
    propagation: (options.propagation ?? "RPRIVATE").toLowerCase() as BindPropagation,
    ...(options.nonrecursive === true ? { nonRecursive: true } : {}),
    ...(options.createmountpoint === true ? { createSource: true } : {}),
    ...(options.readonlynonrecursive === true ? { readOnlyNonRecursive: true } : {}),
    ...(options.readonlyforcerecursive === true ? { readOnlyForceRecursive: true } : {}),
  };
}

function volumeOptions(options: Mount["volumeOptions"]) {
  const driver = options?.driverConfig;
  return {
    noCopy: options?.nocopy ?? false,
    labels: options?.labels ?? {},
    ...(driver === undefined ? {} : { driver: { name: driver.name ?? "", options: driver.options ?? {} } }),
    ...(options?.subpath === undefined || options.subpath === "" ? {} : { subpath: options.subpath }),
  };
}

function tmpfsOptions(options: Mount["tmpfsOptions"]) {
  if ((options?.options ?? "") !== "") throw unimplemented("mount: tmpfs options are not supported by this worker");
  const sizeBytes = Number(options?.sizeBytes ?? 0);
  const mode = options?.mode ?? 0;
  return { ...(sizeBytes === 0 ? {} : { sizeBytes }), ...(mode === 0 ? {} : { mode }) };
}
