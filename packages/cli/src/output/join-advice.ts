/** The command that a person copies to another machine. */
export function joinAdvice(parts: {
  readonly role: "worker" | "manager";
  readonly token: string;
  readonly address: string;
}): string {
  const { role, token, address } = parts;
  return `To add a ${role} to this swarm, run the following command:\n\n    mswarm join --token ${token} ${address}\n\n`;
}
