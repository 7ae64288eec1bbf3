import { expect, test } from "vitest";
import { parseMount } from "./mount.ts";

test("a volume with everything that can be said of it", () => {
  const text =
    "source=v1,target=/data,readonly,volume-nocopy=true,volume-label=a=b,volume-driver=local,volume-opt=type=nfs";
  expect(parseMount(text)).toEqual({
    type: "VOLUME",
    source: "v1",
    target: "/data",
    readonly: true,
    volumeOptions: { nocopy: true, labels: { a: "b" }, driverConfig: { name: "local", options: { type: "nfs" } } },
  });
});

test("a bind and a tmpfs", () => {
  expect(parseMount("type=bind,src=/tmp,dst=/mnt,bind-propagation=rslave,ro=false")).toEqual({
    type: "BIND",
    source: "/tmp",
    target: "/mnt",
    bindOptions: { propagation: "RSLAVE" },
  });
  expect(parseMount("type=tmpfs,target=/t,tmpfs-size=64m,tmpfs-mode=1770")).toEqual({
    type: "TMPFS",
    target: "/t",
    tmpfsOptions: { sizeBytes: "67108864", mode: 0o1770 },
  });
});

test("a quoted field may hold commas", () => {
  const mount = parseMount('type=volume,target=/d,"volume-opt=o=addr=10.0.0.1,rw"');
  expect(mount.volumeOptions?.driverConfig?.options).toEqual({ o: "addr=10.0.0.1,rw" });
});

test.each([
  ["type=foo,target=/x", 'invalid MountType: "foo"'],
  ["type=volume", "target is required"],
  ["type=bind,target=/x", "source is required"],
  ["type=tmpfs,source=a,target=/x", "has no source"],
  ["target=/x,nope=1", "unexpected key 'nope'"],
  ["type=tmpfs,target=/x,volume-nocopy", "cannot mix 'volume-*' options with mount type 'tmpfs'"],
  ["target=/x,readonly=maybe", "invalid value for readonly: maybe"],
  ["type=bind,source=/a,target=/x,bind-propagation=up", "invalid value for bind-propagation: up"],
  ["type=tmpfs,target=/x,tmpfs-mode=9", "invalid value for tmpfs-mode: 9"],
  ['"target=/x', "quotes do not match"],
  ["target", "must be a key=value pair"],
])("the mount %j is refused: %s", (text, message) => {
  expect(() => parseMount(text)).toThrow(message);
});
