// References of a container to secrets and configs, checked without looking at the store.
// Source: swarmkit manager/controlapi/service.go, validateSecretRefsSpec and validateConfigRefsSpec.
import { invalidArgument } from "@mswarm/runtime";
import type { ConfigReference, ContainerSpec, SecretReference } from "@mswarm/wire";

interface Reference {
  readonly id: string | undefined;
  readonly name: string | undefined;
  readonly file: { readonly name?: string } | undefined;
  readonly hasTarget: boolean;
}

const ofSecret = ({ secretId, secretName, file }: SecretReference): Reference => ({
  id: secretId,
  name: secretName,
  file,
  hasTarget: file !== undefined,
});

const ofConfig = ({ configId, configName, file, runtime }: ConfigReference): Reference => ({
  id: configId,
  name: configName,
  file,
  hasTarget: file !== undefined || runtime !== undefined,
});

/** Errors: INVALID_ARGUMENT. */
export function validatePayloadReferences(container: ContainerSpec): void {
  validateReferences("secret", (container.secrets ?? []).map(ofSecret));
  validateReferences("config", (container.configs ?? []).map(ofConfig));
  validateCredentialSpec(container);
}

function validateReferences(kind: "secret" | "config", references: readonly Reference[]): void {
  const nameByTarget = new Map<string, string>();
  for (const { id = "", name = "", file, hasTarget } of references) {
    if (id === "" || name === "") throw invalidArgument(`malformed ${kind} reference`);
    if (!hasTarget) throw invalidArgument(`malformed ${kind} reference, no target provided`);
    if (file === undefined) continue;
    const target = file.name ?? "";
    if (target === "") throw invalidArgument(`malformed file ${kind} reference, invalid target file name provided`);
    const other = nameByTarget.get(target);
    if (other !== undefined) {
      throw invalidArgument(`${kind} references '${other}' and '${name}' have a conflicting target: '${target}'`);
    }
    nameByTarget.set(target, name);
  }
}

function validateCredentialSpec({ configs = [], privileges }: ContainerSpec): void {
  const id = privileges?.credentialSpec?.config ?? "";
  if (id === "" || configs.some((each) => each.configId === id && each.runtime !== undefined)) return;
  throw invalidArgument(
    `CredentialSpec references config '${id}', but that config isn't in config references with RuntimeTarget`,
  );
}
