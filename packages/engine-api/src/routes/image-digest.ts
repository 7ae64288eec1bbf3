// Pinning an image for clients that leave it to the daemon (API below 1.30): by the digest that its registry has now.
import { messageOf } from "@mswarm/runtime";
import type { ManagerCall } from "./manager-call.ts";

/** From this version on clients ask the registry themselves. */
export const clientsPinSince = 30;

export interface PinnedImage {
  readonly image: string;
  readonly warnings: readonly string[];
}

/** The image with its digest, or as it was and a warning when no registry answers. */
export async function pinnedImage(call: ManagerCall, image: string, registryAuth: string): Promise<PinnedImage> {
  if (image.includes("@")) return { image, warnings: [] };
  const tagged = /:[\w.-]+$/.test(image) ? image : `${image}:latest`;
  try {
    return { image: `${tagged}@${await digestOf(call, tagged, registryAuth)}`, warnings: [] };
  } catch (error) {
    call.context.log.warn({ image, reason: messageOf(error) }, "an image could not be pinned by its digest");
    return { image, warnings: [warningOf(image)] };
  }
}

async function digestOf({ context, request }: ManagerCall, image: string, registryAuth: string): Promise<string> {
  // The name stands in the path with its slashes; whatever could end the path does not belong into a name.
  if (!/^[\w.\-/:]+$/.test(image)) throw new TypeError("it is not the name of an image");
  const answer = await context.engine.request(
    {
      method: "GET",
      path: `/distribution/${image}/json`,
      headers: registryAuth === "" ? {} : { "X-Registry-Auth": registryAuth },
    },
    request.signal,
  );
  const { Descriptor, message } = (await answer.json()) as {
    readonly Descriptor?: { readonly digest?: string };
    readonly message?: string;
  };
  const digest = Descriptor?.digest ?? "";
  if (answer.status !== 200 || !/^\w+:[0-9a-f]+$/.test(digest)) throw new TypeError(message ?? "no digest");
  return digest;
}

/** In Docker's words. */
const warningOf = (image: string): string =>
  `image ${image} could not be accessed on a registry to record\nits digest. Each node will access ${image} independently,\npossibly leading to different nodes running different\nversions of the image.\n`;
