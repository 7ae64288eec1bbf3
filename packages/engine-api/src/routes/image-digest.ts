// Pinning an image for clients that leave it to the daemon (API below 1.30): by the digest that its registry has now.
import { childAbort, deadlineExceeded, messageOf, seconds } from "@mswarm/runtime";
import type { ManagerCall } from "./manager-call.ts";

/** From this version on clients ask the registry themselves. */
export const clientsPinSince = 30;

/** As long as Docker waits for a registry here. */
const patience = seconds(20);

export interface PinnedImage {
  readonly image: string;
  readonly warnings: readonly string[];
}

/** The image with its digest, or as it was and a warning when no registry answers. */
export async function pinnedImage(call: ManagerCall, image: string, registryAuth: string): Promise<PinnedImage> {
  if (image.includes("@")) return { image, warnings: [] };
  const { signal, abort, release } = childAbort(call.request.signal);
  const timer = call.context.clock.timer(patience, () =>
    abort(deadlineExceeded("the registry did not answer in time")),
  );
  const tagged = /:[\w.-]+$/.test(image) ? image : `${image}:latest`;
  try {
    return { image: `${tagged}@${await digestOf(call, tagged, { registryAuth, signal })}`, warnings: [] };
  } catch (error) {
    call.context.log.warn({ image, reason: messageOf(error) }, "an image could not be pinned by its digest");
    return { image, warnings: [warningOf(image)] };
  } finally {
    timer.cancel();
    release();
  }
}

async function digestOf(
  { context }: ManagerCall,
  image: string,
  { registryAuth, signal }: { readonly registryAuth: string; readonly signal: AbortSignal },
): Promise<string> {
  // The name stands in the path with its slashes; whatever could end the path does not belong into a name.
  if (!/^[\w.\-/:]+$/.test(image)) throw new TypeError("it is not the name of an image");
  const answer = await context.engine.request(
    {
      method: "GET",
      path: `/distribution/${image}/json`,
      headers: registryAuth === "" ? {} : { "X-Registry-Auth": registryAuth },
    },
    signal,
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
