import { execFile } from "node:child_process";
import { copyFile, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

/** A tar for `docker import`, made in `folder` from this machine's static busybox. Returns its path. */
export async function makeImage(folder: string): Promise<string> {
  const root = join(folder, "image");
  await mkdir(join(root, "bin"), { recursive: true });
  await copyFile("/bin/busybox", join(root, "bin/busybox"));
  for (const tool of ["sh", "sleep"]) await symlink("busybox", join(root, "bin", tool));
  const archive = join(folder, "image.tar");
  await promisify(execFile)("tar", ["-C", root, "-cf", archive, "."]);
  return archive;
}
