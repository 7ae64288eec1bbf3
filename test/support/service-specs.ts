// Services as tests want them: an image without registry, and a process that would run for days.
import { wireDuration, seconds } from "@mswarm/runtime";
import type { ContainerSpecInput, SecretReferenceInput, ServiceSpecInput } from "@mswarm/wire";

/**
 * A replicated service whose containers run `script` and then sleep. `sleep` does not hear SIGTERM as process 1: the
 * stop grace of one second is what ends it.
 */
export function sleeper(
  name: string,
  options: {
    readonly image: string;
    readonly replicas: number;
    readonly script?: string;
    readonly container?: ContainerSpecInput;
    readonly constraints?: readonly string[];
  } & Pick<ServiceSpecInput, "update" | "rollback">,
): ServiceSpecInput {
  const { image, replicas, script = ":", container, constraints, ...policies } = options;
  return {
    annotations: { name },
    task: {
      container: {
        image,
        command: ["sh", "-c"],
        args: [`${script}; exec sleep 1000000`],
        stopGracePeriod: wireDuration(seconds(1)),
        ...container,
      },
      ...(constraints === undefined ? {} : { placement: { constraints: [...constraints] } }),
    },
    replicated: { replicas: String(replicas) },
    ...policies,
  };
}

/** The secret as a file `/run/secrets/NAME`, for everybody in the container. */
export function secretFile(secretId: string, name: string): SecretReferenceInput {
  return { secretId, secretName: name, file: { name, uid: "0", gid: "0", mode: 0o444 } };
}
