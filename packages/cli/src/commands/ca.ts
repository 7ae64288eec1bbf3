import { dateOf } from "@mswarm/runtime";
import { addFlag, addList, type CliCommand, optionsOf, withConnection } from "../cli-command.ts";
import type { CliContext } from "../cli-context.ts";
import { clusterOf } from "../control/cluster.ts";
import { notAvailable } from "../local-failure.ts";

export function addCa(parent: CliCommand, context: CliContext): void {
  const command = parent.command("ca").description("Show the cluster's root certificate");
  command
    .option("--format <format>", '"json" for digest, dates and certificate')
    .option("--ca-cert <path>", "Root certificate to rotate to")
    .option("--ca-key <path>", "Key of that certificate")
    .option("--cert-expiry <duration>", "Validity period for node certificates");
  addList(command, "--external-ca <spec>", "Certificate signing endpoints");
  addFlag(command, "--rotate", "Replace the root certificate");
  addFlag(command, "-d, --detach", "Do not wait for the rotation");
  addFlag(command, "-q, --quiet", "Suppress progress output");
  command.action(async () => {
    const flags = optionsOf(command);
    const rotation = ["caCert", "caKey", "certExpiry"].some((name) => flags.text(name) !== undefined);
    if (flags.flag("rotate") === true || rotation || flags.list("externalCa").length > 0) {
      throw notAvailable("replacing the root certificate (ca --rotate) is not available yet");
    }
    await withConnection(command, context, async ({ control }) => {
      const pem = (await clusterOf(control)).rootCa?.caCert?.toString("utf8") ?? "";
      context.out(flags.text("format") === "json" ? `${JSON.stringify(await describeRoot(pem))}\n` : pem);
    });
  });
}

async function describeRoot(pem: string): Promise<object> {
  // Loaded here, because the other commands do not need it.
  const { certificatesOfPem, parseCertificate, rootDigest } = await import("@mswarm/pki");
  return {
    Digest: `sha256:${rootDigest(pem)}`,
    Certificates: certificatesOfPem(pem)
      .map(parseCertificate)
      .map(({ commonNames, serialNumber, notBefore, notAfter }) => ({
        CommonName: commonNames.join(", "),
        SerialNumber: serialNumber,
        NotBefore: dateOf(notBefore).toISOString(),
        NotAfter: dateOf(notAfter).toISOString(),
      })),
    PEM: pem,
  };
}
