// The engine behind Docker's face, by the stock command line: what streams, what is hijacked, what goes on for ever.
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "@mswarm/runtime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DaemonProcess } from "../support/daemon-process.ts";
import { type DockerCli, dockerClis } from "../support/docker-cli.ts";
import { type DockerEngine, startDockerEngine } from "../support/docker-engine.ts";
import { eventually } from "../support/eventually.ts";
import { TestCluster } from "../support/test-cluster.ts";

const clock = systemClock();
const clis = await dockerClis();
let engine: DockerEngine;
let cluster: TestCluster;
let daemon: DaemonProcess;

beforeAll(async () => {
  engine = await startDockerEngine();
  cluster = await TestCluster.create(engine.address);
  daemon = cluster.add("m1");
  await daemon.start();
});
afterAll(async () => {
  await cluster?.stop();
  await engine?.stop();
});

const enginePath = (): string => engine.address.replace("unix://", "");

describe.each(clis.map((cli) => [cli.version, cli] as const))("docker %s", (version, cli: DockerCli) => {
  const name = (what: string): string => `${what}-${version}`;
  const docker = (...args: string[]): Promise<string> => cli.print(daemon.apiPath, ...args);
  const both = async (...args: string[]): Promise<string> => {
    // One after the other: an engine measures its disk usage once at a time.
    const own = await docker(...args);
    expect(own).toBe(await cli.print(enginePath(), ...args));
    return own;
  };

  test("what the engine says of itself comes through unchanged", async () => {
    expect(await both("version", "--format", "{{json .Server}}")).toContain("ApiVersion");
    expect(await both("system", "df")).toContain("Images");
    expect(await both("info", "--format", "{{.ServerVersion}} {{.Driver}} {{.Swarm.LocalNodeState}}")).toContain(
      "inactive",
    );
    // Not how long ago it was made, which may be another second by then.
    const format = "{{.Repository}} {{.Tag}} {{.ID}} {{.Size}}";
    expect(await both("images", "--no-trunc", "--format", format)).toContain("mswarm-busybox");
  });

  test("run passes output, error output, input and exit code", async () => {
    const script = "cat; echo complaint >&2; exit 7";
    const args = ["run", "--rm", "-i", engine.image, "sh", "-c", script];
    expect(await cli.run(daemon.apiPath, args, { input: "said\n" })).toEqual({
      code: 7,
      out: "said\n",
      err: "complaint\n",
    });
  });

  test("exec -it has a terminal, and a megabyte of input ends as it should", async () => {
    await docker("run", "-d", "--name", name("box"), engine.image, "sleep", "600");
    const typed = await cli.run(daemon.apiPath, ["exec", "-it", name("box"), "busybox", "tty"], { terminal: true });
    expect(typed).toMatchObject({ code: 0, out: expect.stringContaining("/dev/pts/") });
    const input = Buffer.alloc(1_000_003, "some input ");
    const sum = createHash("md5").update(input).digest("hex");
    const args = ["exec", "-i", name("box"), "busybox", "md5sum"];
    expect(await cli.run(daemon.apiPath, args, { input })).toEqual({ code: 0, out: `${sum}  -\n`, err: "" });
    const failed = await cli.run(daemon.apiPath, ["exec", name("box"), "no-such-program"]);
    expect(failed).toEqual(await cli.run(enginePath(), ["exec", name("box"), "no-such-program"]));
    expect(failed.code).toBe(126);
    await docker("rm", "-f", name("box"));
  });

  test("start -ai carries input to its end, and the last words and the exit code back", async () => {
    await docker("create", "-i", "--name", name("all"), engine.image, "sh", "-c", "cat; echo end; exit 3");
    const started = await cli.run(daemon.apiPath, ["start", "-ai", name("all")], { input: "over and out\n" });
    expect(started).toMatchObject({ code: 3, out: "over and out\nend\n" });
    await docker("rm", name("all"));
  });

  test("attach shows what a running container says, and ends with it", async () => {
    const ticking = "while true; do echo tick; sleep 0.05; done";
    await docker("run", "-d", "--name", name("ticks"), engine.image, "sh", "-c", ticking);
    const attached = cli.start(daemon.apiPath, ["attach", "--no-stdin", name("ticks")]);
    const exited = new Promise<void>((resolve) => attached.once("exit", () => resolve()));
    const seen: string[] = [];
    attached.stdout?.on("data", (chunk: Buffer) => seen.push(chunk.toString()));
    await eventually(() => expect(seen.join("")).toContain("tick\ntick\n"));
    await docker("rm", "-f", name("ticks"));
    await exited;
  });

  test("files are copied in and out, and a tar streams both ways", async () => {
    await docker("create", "--name", name("files"), engine.image);
    const folder = await cluster.ownFolder(name("cp"));
    const content = Buffer.alloc(3_000_000, "content of a larger file ");
    await writeFile(join(folder, "in"), content);
    await docker("cp", join(folder, "in"), `${name("files")}:/tmp/`);
    await docker("cp", `${name("files")}:/tmp/in`, join(folder, "out"));
    expect((await readFile(join(folder, "out"))).equals(content)).toBe(true);
    const missing = await cli.run(daemon.apiPath, ["cp", `${name("files")}:/none`, folder]);
    expect(missing).toEqual(await cli.run(enginePath(), ["cp", `${name("files")}:/none`, folder]));
    await docker("rm", name("files"));
    await docker("save", "-o", join(folder, "image.tar"), engine.image);
    expect(await docker("load", "-i", join(folder, "image.tar"))).toContain("Loaded image");
  });

  test("build sends its context and shows its steps, with both builders where this command line has them", async () => {
    const folder = await cluster.ownFolder(name("build"));
    await mkdir(join(folder, "ctx"));
    await writeFile(
      join(folder, "ctx/Dockerfile"),
      `FROM ${engine.image}\nCOPY big /big\nRUN echo built here >/made\n`,
    );
    await writeFile(join(folder, "ctx/big"), Buffer.alloc(2_000_000, "b"));
    // From 23 on BuildKit is a plugin of its own, which talks to the same endpoints.
    const builders = version.startsWith("20.") ? ["0", "1"] : ["0"];
    for (const builder of builders) {
      const environment = { DOCKER_BUILDKIT: builder };
      const tag = `built-${version}-${builder}`;
      const built = await cli.run(daemon.apiPath, ["build", "-t", tag, join(folder, "ctx")], { environment });
      expect(built, built.err).toMatchObject({ code: 0 });
      expect(await docker("run", "--rm", tag, "cat", "/made")).toBe("built here\n");
    }
  });

  test("logs -f follows to the end of the container, and events are seen while they happen", async () => {
    // It may begin to listen late: then it is told what has happened since.
    const now = String(Math.floor(clock.now() / 1_000));
    const events = cli.start(daemon.apiPath, [
      "events",
      "--since",
      now,
      "--filter",
      `container=${name("talk")}`,
      "--format",
      "{{.Action}}",
    ]);
    const seen: string[] = [];
    events.stdout?.on("data", (chunk: Buffer) =>
      seen.push(
        ...chunk
          .toString()
          .split("\n")
          .filter((line) => line !== ""),
      ),
    );
    await docker(
      "create",
      "--name",
      name("talk"),
      engine.image,
      "sh",
      "-c",
      "for i in 1 2 3; do echo $i; sleep 0.2; done",
    );
    await eventually(() => expect(seen).toContain("create"));
    await docker("start", name("talk"));
    expect(await docker("logs", "-f", name("talk"))).toBe("1\n2\n3\n");
    await docker("rm", name("talk"));
    await eventually(() => expect(seen).toEqual(["create", "start", "die", "destroy"]));
    events.kill();
  });

  test("what fails fails as on the engine", async () => {
    for (const args of [
      ["inspect", "no-such-thing"],
      ["rm", "no-such-container"],
      ["network", "rm", "bridge"],
      ["volume", "inspect", "none"],
      ["run", "--rm", "--name", "/bad name", engine.image],
      ["ps", "--filter", "nonsense=1"],
    ]) {
      const failed = await cli.run(daemon.apiPath, args);
      expect(failed.code).not.toBe(0);
      expect(failed, args.join(" ")).toEqual(await cli.run(enginePath(), args));
    }
  });
});
