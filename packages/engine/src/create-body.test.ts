import { milliseconds } from "@mswarm/runtime";
import { expect, test } from "vitest";
import { plainContainer } from "./contract/plain-container.ts";
import { createBody } from "./create-body.ts";

const plain = plainContainer("web.1.abc", "busybox");

test("what is absent is left to the engine's defaults, and the engine never restarts a task", () => {
  expect(createBody(plain)).toEqual({
    Image: "busybox",
    Labels: {},
    Env: [],
    Tty: false,
    OpenStdin: false,
    ExposedPorts: {},
    HostConfig: {
      Ulimits: [],
      PortBindings: {},
      ReadonlyRootfs: false,
    },
  });
});

test("several host ports of one container port are all bound, on the given address", () => {
  const body = createBody({
    ...plain,
    ports: [
      { protocol: "tcp", containerPort: 80, hostPort: 8080, hostAddress: "127.0.0.3" },
      { protocol: "tcp", containerPort: 80, hostPort: 0 },
      { protocol: "udp", containerPort: 53, hostPort: 53 },
    ],
  });
  expect(body["ExposedPorts"]).toEqual({ "80/tcp": {}, "53/udp": {} });
  expect(body["HostConfig"]).toMatchObject({
    PortBindings: {
      "80/tcp": [
        { HostIp: "127.0.0.3", HostPort: "8080" },
        { HostIp: "", HostPort: "" },
      ],
      "53/udp": [{ HostIp: "", HostPort: "53" }],
    },
  });
});

test("durations become nanoseconds and mounts keep only the options of their kind", () => {
  const body = createBody({
    ...plain,
    healthcheck: { test: ["CMD", "true"], interval: milliseconds(1.5) },
    mounts: [
      { type: "bind", source: "/a", target: "/b", readOnly: true, propagation: "rslave" },
      { type: "volume", source: "v", target: "/v", readOnly: false, noCopy: true, labels: { l: "1" } },
      { type: "tmpfs", target: "/t", readOnly: false, sizeBytes: 4096, mode: 0o1777 },
    ],
  });
  expect(body["Healthcheck"]).toEqual({ Test: ["CMD", "true"], Interval: 1_500_000 });
  expect(body["HostConfig"]).toMatchObject({
    Mounts: [
      { Type: "bind", Source: "/a", Target: "/b", ReadOnly: true, BindOptions: { Propagation: "rslave" } },
      { Type: "volume", Source: "v", Target: "/v", VolumeOptions: { NoCopy: true, Labels: { l: "1" } } },
      { Type: "tmpfs", Target: "/t", TmpfsOptions: { SizeBytes: 4096, Mode: 0o1777 } },
    ],
  });
});
