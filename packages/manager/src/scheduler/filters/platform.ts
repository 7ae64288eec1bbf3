import type { Platform } from "@mswarm/wire";
import { onNodes, type PlacementFilter } from "./filter.ts";

/** The image exists for the node's platform. A node that does not say what it is passes only tasks without platforms. */
export const platformFilter: PlacementFilter = {
  checkFor: (task) => {
    const platforms = task.spec?.placement?.platforms ?? [];
    if (platforms.length === 0) return undefined;
    return ({ node }) => {
      const actual = node.description?.platform;
      return actual !== undefined && platforms.some((platform) => suits(platform, actual));
    };
  },
  explain: (nodes) => onNodes("unsupported platform on", nodes),
};

function suits(wanted: Platform, actual: Platform): boolean {
  const architecture = normalized(wanted.architecture);
  const os = wanted.os ?? "";
  return (
    (architecture === "" || architecture === normalized(actual.architecture)) && (os === "" || os === (actual.os ?? ""))
  );
}

/** Kernels and image registries have different names for one architecture. */
function normalized(architecture = ""): string {
  switch (architecture) {
    case "x86_64":
      return "amd64";
    case "aarch64":
      return "arm64";
    default:
      return architecture;
  }
}
