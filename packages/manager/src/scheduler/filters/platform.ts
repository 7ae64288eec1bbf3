import type { Platform } from "@mswarm/wire";
import { onNodes, type PlacementFilter, serviceNameOf } from "./filter.ts";

/** The image exists for the node's platform. A node that does not say what it is passes only tasks without platforms. */
export const platformFilter: PlacementFilter = {
  subject: "platform",
  checkFor: (task) => {
    const platforms = task.spec?.placement?.platforms ?? [];
    if (platforms.length === 0) return undefined;
    return ({ node }) => {
      const actual = node.description?.platform;
      return actual !== undefined && platforms.some((platform) => suits(platform, actual));
    };
  },
  explain: (nodes) => onNodes("unsupported platform on", nodes),
  describe: (task, { node }) => {
    const wanted = (task.spec?.placement?.platforms ?? []).map(textOf).join(", ");
    const actual = node.description?.platform;
    return {
      reason: `the image is there for ${wanted}, the node is ${actual === undefined ? "not known" : textOf(actual)}`,
      remedy: `update ${serviceNameOf(task)} to an image for the node's platform, or add a node with ${wanted}`,
    };
  },
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

const textOf = ({ os = "", architecture = "" }: Platform): string =>
  `${os || "any"}/${normalized(architecture) || "any"}`;
