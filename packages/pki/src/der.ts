// Slices of a certificate as they were sent. Names are copied, never encoded again: peers compare them byte for byte.
import { invalidArgument } from "@mswarm/runtime";
import * as asn1js from "asn1js";

export interface CertificateSlices {
  /** DER of the subject's Name. */
  readonly subject: Buffer;
  /** DER of the issuer's Name. */
  readonly issuer: Buffer;
  /** DER of the SubjectPublicKeyInfo. */
  readonly publicKey: Buffer;
  /** The outer one, beside the signature. */
  readonly signatureAlgorithm: asn1js.AsnType | undefined;
}

/** Parses exactly one DER element; INVALID_ARGUMENT for anything else, bytes after it too. */
export function parseDer(der: Buffer): asn1js.AsnType {
  const { offset, result } = asn1js.fromBER(der);
  if (offset !== der.length || result.error !== "") throw invalidArgument("not a single DER element");
  return result;
}

/** The elements of a SEQUENCE or SET, or of an explicit tag. */
export function elementsOf(element: asn1js.AsnType | undefined): readonly asn1js.AsnType[] {
  if (!(element instanceof asn1js.Constructed)) throw invalidArgument("expected a constructed DER element");
  return element.valueBlock.value;
}

/** The bytes of an element, tag and length included. */
export function bytesOf(element: asn1js.AsnType | undefined): Buffer {
  if (element === undefined) throw invalidArgument("a DER element is missing");
  return Buffer.from(element.valueBeforeDecodeView);
}

/** Cuts subject, issuer and public key out of a certificate. Source: RFC 5280 section 4.1. */
export function sliceCertificate(der: Buffer): CertificateSlices {
  const [signed, signatureAlgorithm] = elementsOf(parseDer(der));
  const fields = elementsOf(signed);
  // The version is an explicit [0] and absent in version 1.
  const first = fields[0]?.idBlock.tagClass === 3 ? 1 : 0;
  return {
    issuer: bytesOf(fields[first + 2]),
    subject: bytesOf(fields[first + 4]),
    publicKey: bytesOf(fields[first + 5]),
    signatureAlgorithm,
  };
}
