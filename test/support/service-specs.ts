// Services as tests want them: an image without registry, and a process that would run for days.
import type { ContainerSpecInput, SecretReferenceInput, ServiceSpecInput } from "@mswarm/wire";

/** Shell text that runs until it is stopped, and then ends at once. */
export const stayUp = "trap 'exit 0' TERM; sleep 1000000 & wait";

/** A replicated service whose containers run `script` and then stay up. */
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
      container: { image, command: ["sh", "-c"], args: [`${script}; ${stayUp}`], ...container },
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
