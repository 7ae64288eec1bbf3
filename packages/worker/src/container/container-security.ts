import { unimplemented } from "@mswarm/runtime";
import type { Privileges } from "@mswarm/wire";

/**
 * Privileges of the specification as the engine's security options.
 * UNIMPLEMENTED: credential specifications, which exist on Windows only.
 * Source: moby daemon/cluster/executor/container/container.go, applyPrivileges.
 */
export function securityOptions(privileges: Privileges | undefined): readonly string[] {
  if (privileges === undefined) return [];
  if (privileges.credentialSpec !== undefined) throw unimplemented("credential specifications exist on Windows only");
  return [
    ...selinux(privileges.selinuxContext),
    ...seccomp(privileges.seccomp),
    ...(privileges.apparmor?.mode === "DISABLED" ? ["apparmor=unconfined"] : []),
    ...(privileges.noNewPrivileges === true ? ["no-new-privileges=true"] : []),
  ];
}

function selinux(context: Privileges["selinuxContext"]): readonly string[] {
  if (context === undefined) return [];
  if (context.disable === true) return ["label=disable"];
  return (["user", "role", "level", "type"] as const).flatMap((part) => {
    const value = context[part] ?? "";
    return value === "" ? [] : [`label=${part}:${value}`];
  });
}

function seccomp(options: Privileges["seccomp"]): readonly string[] {
  switch (options?.mode ?? "DEFAULT") {
    case "DEFAULT":
      return [];
    case "UNCONFINED":
      return ["seccomp=unconfined"];
    case "CUSTOM":
      return [`seccomp=${options?.profile?.toString("utf8") ?? ""}`];
    default:
      throw unimplemented("a seccomp mode that this version does not know");
  }
}
