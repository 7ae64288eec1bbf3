import type { ContainerSpec, Secret } from "@mswarm/wire";
import { expect, test } from "vitest";
import { placeholderValues } from "../container/placeholders.ts";
import { assignedTask } from "../testing/worker-scene.ts";
import { dependencyFiles } from "./dependency-files.ts";

const node = { id: "node1", hostname: "h", operatingSystem: "linux", architecture: "x86_64" };
const secret = (id: string, text: string, more: Secret["spec"] = {}): [string, Secret] => [
  id,
  { id, spec: { data: Buffer.from(text), ...more } },
];
const filesOf = (container: ContainerSpec, secrets: readonly [string, Secret][], configs = secrets) => {
  const task = assignedTask("task1", container);
  return dependencyFiles(task, { secrets: new Map(secrets), configs: new Map(configs) }, placeholderValues(task, node));
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
  const hidden = { data: Buffer.from("{{hunter2}}"), templating };
  expect(() => dataOf(secret("s1", "", hidden))).toThrow(/^secret "password": its template uses more than/);
  expect(() => dataOf(secret("s1", "", { data: Buffer.from(""), templating: { name: "other" } }))).toThrow(
    'unrecognized template type "other"',
  );
});
