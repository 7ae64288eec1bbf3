// Cluster volumes (CSI) came with Docker 23 and are not offered.
import { unimplemented } from "@mswarm/runtime";
import { volumes } from "@mswarm/store";
import type { ListVolumesRequest, ListVolumesResponse } from "@mswarm/wire";
import type { ControlOperation } from "./control-parts.ts";

/** Every operation on one volume. Errors: UNIMPLEMENTED. */
export const refuseVolume: ControlOperation<object, never> = async () => {
  throw unimplemented("this version of mswarm has no cluster volumes (CSI)");
};

/**
 * Docker asks for this list whenever volumes are listed, so a cluster without any answers with none.
 * Errors: UNIMPLEMENTED when there are some, left by a Docker manager.
 */
export const listVolumes: ControlOperation<ListVolumesRequest, ListVolumesResponse> = async (parts, request, call) => {
  if (parts.store.view((tx) => tx.count(volumes)) > 0) return refuseVolume(parts, request, call);
  return {};
};
