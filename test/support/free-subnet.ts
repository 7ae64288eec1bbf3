// Subnets for the links that tests make on this machine. Test files run side by side, each in a process of its own: the name of the
// link says which subnet it has, and the kernel refuses a second link of that name.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { cryptoRandom, failedPrecondition, messageOf } from "@mswarm/runtime";

const run = promisify(execFile);
const random = cryptoRandom();

export interface SubnetLink {
  /** Its name, at most 15 bytes. */
  readonly link: string;
  /** The first three numbers of its addresses. */
  readonly subnet: string;
}

/**
 * Makes a link, which has no address yet, and gives it one of 512 subnets of the range for benchmarks, which nobody routes
 * (RFC 2544), that this machine does not use.
 * @param make  fails when there is a link of that name
 */
export async function takeSubnet(make: (link: string) => Promise<void>): Promise<SubnetLink> {
  const { stdout } = await run("ip", ["-4", "address"]);
  let failure: unknown;
  for (let tries = 0; tries < 20; tries += 1) {
    const [second, third] = [18 + random.below(2), random.below(256)];
    const subnet = `198.${second}.${third}`;
    if (stdout.includes(` ${subnet}.`)) continue;
    const link = `mst-${second}-${third}`;
    try {
      await make(link);
      return { link, subnet };
    } catch (error) {
      failure = error;
    }
  }
  throw failedPrecondition(`no network can be made for this test: ${messageOf(failure)}`, { cause: failure });
}
