// An image without a registry.
import { execFile } from "node:child_process";
import { chmod, copyFile, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import Dockerode from "dockerode";

const run = promisify(execFile);

const applets = [
  "sh",
  "sleep",
  "echo",
  "cat",
  "true",
  "false",
  "stat",
  "ls",
  "id",
  "env",
  "nc",
  "hostname",
  "mount",
  "readlink",
  "touch",
  "rm",
];

/**
 * Gives the engine a busybox with its usual commands, made from the one of this machine.
 * @param folder  for what is made on the way; empty again afterwards
 */
export async function importBusybox(socket: string, folder: string, image: string): Promise<void> {
  const root = join(folder, "busybox");
  await mkdir(join(root, "bin"), { recursive: true });
  for (const name of ["etc", "tmp", "run", "proc", "sys", "dev"]) await mkdir(join(root, name));
  const { stdout } = await run("sh", ["-c", "command -v busybox"]);
  await copyFile(stdout.trim(), join(root, "bin/busybox"));
  await chmod(join(root, "bin/busybox"), 0o755);
  // What a new volume mounted there begins with.
  await mkdir(join(root, "data"));
  await writeFile(join(root, "data/page"), "of the image\n");
  for (const applet of applets) await symlink("busybox", join(root, "bin", applet));
  const archive = join(folder, "busybox.tar");
  await run("tar", ["--numeric-owner", "--owner=0", "--group=0", "-C", root, "-cf", archive, "."]);
  const docker = new Dockerode({ socketPath: socket, host: undefined });
  const [repo = "", tag = ""] = image.split(":");
  await new Promise<void>((resolve, reject) => {
    docker.importImage(archive, { repo, tag, changes: "CMD sh" }, (refused, report) => {
      if (report === undefined) reject(refused);
      else docker.modem.followProgress(report, (error) => (error === null ? resolve() : reject(error)));
    });
  });
  await rm(root, { recursive: true });
  await rm(archive);
}
