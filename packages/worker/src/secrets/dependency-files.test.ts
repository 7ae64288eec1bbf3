import { messageOf } from "@mswarm/runtime";
import type { ContainerSpec, Secret } from "@mswarm/wire";
import { expect, test } from "vitest";
import { assignedTask } from "../testing/worker-scene.ts";
import { dependencyFiles } from "./dependency-files.ts";

const node = { hostname: "h", operatingSystem: "linux", architecture: "x86_64" };
const secret = (id: string, text: string, more: Secret["spec"] = {}): [string, Secret] => [
  id,
  { id, spec: { data: Buffer.from(text), ...more } },
];
const filesOf = (container: ContainerSpec, secrets: readonly [string, Secret][], configs = secrets) => {
  const task = assignedTask("task1", container);
  return dependencyFiles(task, { secrets: new Map(secrets), configs: new Map(configs) }, node);
};
const reference = (file: NonNullable<ContainerSpec["secrets"]>[number]["file"]): ContainerSpec => ({
  secrets: [{ secretId: "s1", secretName: "password", ...(file === undefined ? {} : { file }) }],
});

test("secrets lie in /run/secrets, configs below the root, absolute names where they say", () => {
  const targets = filesOf(
    {
      secrets: [
        { secretId: "s1", secretName: "a", file: { name: "a" } },
        { secretId: "s1", secretName: "a", file: { name: "/etc/a.key" } },
        { secretId: "s1", secretName: "by-name", file: {} },
      ],
      configs: [
        { configId: "s1", configName: "c", file: { name: "app/c.conf" } },
        { configId: "s1", configName: "c", runtime: {} },
      ],
    },
    [secret("s1", "x")],
  ).map(({ target }) => target);
  expect(targets).toEqual(["/run/secrets/a", "/etc/a.key", "/run/secrets/by-name", "/app/c.conf"]);
});

test("owner and mode are numbers; the mode keeps permission bits only", () => {
  expect(filesOf(reference({ name: "p", uid: "1000", gid: "", mode: 0o4000_000_444 }), [secret("s1", "x")])).toEqual([
    { target: "/run/secrets/p", data: Buffer.from("x"), uid: 1000, gid: 0, mode: 0o444 },
  ]);
  for (const uid of ["root", "-1", "1e3", "99999999999"]) {
    expect(() => filesOf(reference({ name: "p", uid }), [secret("s1", "x")])).toThrow("is not a number");
  }
});

test("a reference without a file is passed over, one to an unknown secret is refused by name", () => {
  expect(filesOf(reference(undefined), [])).toEqual([]);
  expect(() => filesOf(reference({ name: "p" }), [])).toThrow('secret "password": secret s1 not found on this node');
});

test("a secret that its driver makes for each task is found under the combined id", () => {
  expect(filesOf(reference({ name: "p" }), [secret("s1.task1", "own")])[0]?.data.toString()).toBe("own");
});

test("only a templated secret is expanded, and a refusal does not quote it", () => {
  const text = "user={{.Service.Name}}";
  const templating = { name: "golang" };
  const dataOf = (found: [string, Secret]) => filesOf(reference({ name: "p" }), [found])[0]?.data.toString();
  expect(dataOf(secret("s1", text))).toBe(text);
  expect(dataOf(secret("s1", text, { data: Buffer.from(text), templating }))).toBe("user=web");
  expect(() => dataOf(secret("s1", "", { data: Buffer.from(""), templating: { name: "other" } }))).toThrow(
    'unrecognized template type "other"',
  );
  const refusal = (data: string): string => {
    try {
      return String(dataOf(secret("s1", "", { data: Buffer.from(data), templating })));
    } catch (error) {
      return messageOf(error);
    }
  };
  expect(refusal("{{hunter2}}")).toBe(
    'secret "password": its template cannot be filled in: it cannot be read, see line 1',
  );
  expect(refusal("\n{{.hunter2}}")).toBe('secret "password": its template cannot be filled in: see line 2, byte 3');
  expect(refusal('{{range secret "p"}}{{end}}')).not.toContain("range secret");
});

test("a template may ask for the task's environment, other secrets and configs, by the names of their files", () => {
  const templating = { name: "golang" };
  const container: ContainerSpec = {
    env: ["HOST=db", "PLAIN"],
    secrets: [{ secretId: "s1", secretName: "password", file: { name: "pw" } }],
    configs: [
      { configId: "c1", configName: "url", file: { name: "/etc/url" } },
      { configId: "c2", configName: "motd", file: { name: "motd" } },
    ],
  };
  const text = '{{env "HOST"}}:{{secret "pw"}}@{{config "motd"}}{{env "PLAIN"}}{{if eq .Task.Slot "1"}}!{{end}}';
  const files = filesOf(
    container,
    [secret("s1", "\u00e9\n")],
    [secret("c1", "", { data: Buffer.from(text), templating }), secret("c2", "hi")],
  );
  expect(files[1]?.data.toString()).toBe("db:\u00e9\n@hi!");
  const binary = Buffer.from([0xff, 0, 0x80, 0x7b]);
  const raw = filesOf(
    container,
    [secret("s1", "", { data: binary, templating })],
    [secret("c1", ""), secret("c2", "")],
  );
  expect(raw[0]?.data).toEqual(binary);
  const unknown = secret("c1", "", { data: Buffer.from('{{secret "other"}}'), templating });
  expect(() => filesOf(container, [secret("s1", "")], [unknown, secret("c2", "")])).toThrow(
    'config "url": its template cannot be filled in: see line 1, byte 3',
  );
});
