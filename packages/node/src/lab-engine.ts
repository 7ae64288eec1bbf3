// What a lab and the demo need of the engine beside the daemons: cleaning up after a crash, an image without a registry,
// what containers printed.
import { execFile, spawn } from "node:child_process";
import { copyFile, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { dockerodeEngine } from "@mswarm/engine";
import { cryptoRandom, failedPrecondition, messageOf, silentLogger } from "@mswarm/runtime";
import { TmpfsSecretMount } from "@mswarm/worker";
import { unixPath } from "./daemon-options.ts";
import { secretsDirectoryOf } from "./secrets-directory.ts";

const run = promisify(execFile);

/** Removes what stopped daemons of a lab have left: containers, also after a crash, and the mounts of their secrets. */
export async function cleanUpLab(lab: {
  readonly engine: string;
  readonly lab: string;
  readonly controlPaths: readonly string[];
}): Promise<void> {
  const engine = dockerodeEngine(lab.engine);
  const containers = await engine.listContainers({ "mswarm.lab": lab.lab });
  await Promise.all(containers.map(({ id }) => engine.removeContainer(id, { force: true })));
  for (const path of lab.controlPaths) {
    await new TmpfsSecretMount(secretsDirectoryOf(path), {
      random: cryptoRandom(),
      log: silentLogger(),
    }).discard();
  }
}

const demoImage = "mswarm-demo:latest";
const busyboxPath = "/bin/busybox";

/**
 * An image with a shell and the usual small tools, made from this machine's static busybox: no registry is needed.
 * Errors: FAILED_PRECONDITION when there is no static busybox, or the engine does not take the image.
 */
export async function prepareDemoImage(engineAddress: string): Promise<string> {
  if (await dockerodeEngine(engineAddress).hasImage(demoImage)) return demoImage;
  const root = await mkdtemp(join(tmpdir(), "mswarm-image-"));
  try {
    await mkdir(join(root, "bin"));
    await mkdir(join(root, "tmp"), { mode: 0o1777 });
    await copyFile(busyboxPath, join(root, "bin/busybox"));
    const { stdout } = await run(busyboxPath, ["--list"]);
    for (const tool of stdout.split("\n").filter((name) => name !== "" && name !== "busybox")) {
      await symlink("busybox", join(root, "bin", tool));
    }
    await importImage(root, engineAddress);
    return demoImage;
  } catch (error) {
    throw failedPrecondition(
      `the demo's image could not be made from ${busyboxPath}: ${messageOf(error)}; is busybox-static installed?`,
      { cause: error },
    );
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** As `docker import` does it, which not every machine with an engine has. */
async function importImage(root: string, engineAddress: string): Promise<void> {
  const archive = spawn("tar", ["-C", root, "-cf", "-", "."], { stdio: ["ignore", "pipe", "inherit"] });
  const [repo, tag] = demoImage.split(":");
  const upload = request({
    socketPath: unixPath(engineAddress, "the engine"),
    method: "POST",
    path: `/images/create?fromSrc=-&repo=${repo}&tag=${tag}`,
    headers: { "content-type": "application/x-tar" },
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    upload.once("response", resolve);
    upload.once("error", reject);
    archive.once("error", reject);
  });
  archive.stdout.pipe(upload);
  const answer = await answered;
  const report = await text(answer);
  // What goes wrong after the first byte is in the body.
  if (answer.statusCode !== 200 || report.includes('"errorDetail"')) throw failedPrecondition(report.trim());
}

/** What each container of a service has printed so far. */
export async function taskOutputs(
  engineAddress: string,
  of: { readonly lab: string; readonly service: string },
): Promise<readonly string[]> {
  const engine = dockerodeEngine(engineAddress);
  const containers = await engine.listContainers({ "mswarm.lab": of.lab, "com.docker.swarm.service.name": of.service });
  return await Promise.all(
    containers.map(async ({ id }) => {
      const chunks: Buffer[] = [];
      for await (const { data } of engine.logs(id, { stdout: true, stderr: true, follow: false })) chunks.push(data);
      return Buffer.concat(chunks).toString("utf8");
    }),
  );
}
