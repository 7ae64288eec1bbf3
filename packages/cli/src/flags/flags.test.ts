import { SwarmError } from "@mswarm/runtime";
import fc from "fast-check";
import { expect, test } from "vitest";
import { normalizeCapability, parseHost, parseUlimit } from "./container-lists.ts";
import { parseFileReference } from "./file-reference.ts";
import { formatDuration, parseDuration } from "./go-duration.ts";
import { parseEnvironmentFile, resolveVariable } from "./key-values.ts";
import { parsePort, parsePublishedPort } from "./port.ts";
import { formatBytes, parseBytes, parseCpus, parseUnsigned } from "./quantities.ts";
import { splitWords } from "./words.ts";

test.each([
  ["10s", 10_000],
  ["1m30s", 90_000],
  ["1.5h", 5_400_000],
  [".5s", 500],
  ["300ms", 300],
  ["5us", 0.005],
  ["5µs", 0.005],
  ["2160h0m0s", 7_776_000_000],
  ["-3s", -3_000],
  ["0", 0],
])("the duration %s is %d ms", (text, expected) => {
  expect(parseDuration(text)).toBe(expected);
});

test.each([
  ["5", 'time: missing unit in duration "5"'],
  ["", 'time: invalid duration ""'],
  ["5d", 'time: invalid duration "5d"'],
  ["1 m", 'time: invalid duration "1 m"'],
  ["s", 'time: invalid duration "s"'],
  ["1m30", 'time: missing unit in duration "1m30"'],
])("the duration %j is refused in Go's words", (text, message) => {
  expect(() => parseDuration(text)).toThrow(message);
});

test("durations are written as Go writes them and read back", () => {
  expect(formatDuration(parseDuration("90m"))).toBe("1h30m0s");
  expect(formatDuration(parseDuration("1500ms"))).toBe("1.5s");
  expect(formatDuration(parseDuration("0s"))).toBe("0s");
  fc.assert(
    fc.property(fc.nat(10_000_000), (count) => {
      const span = parseDuration(`${count}ms`);
      expect(parseDuration(formatDuration(span))).toBe(span);
    }),
  );
});

test.each([
  ["64m", "67108864"],
  ["32M", "33554432"],
  ["1.5GiB", "1610612736"],
  ["512", "512"],
  ["10 kb", "10240"],
])("%s are %s bytes", (text, expected) => {
  expect(parseBytes(text)).toBe(expected);
});

test.each(["zz", "", "-5m", "5x", "m"])("the size %j is refused", (text) => {
  expect(() => parseBytes(text)).toThrow(`invalid size: '${text}'`);
});

test("sizes are shown with four digits", () => {
  expect(formatBytes(67_108_864)).toBe("64MiB");
  expect(formatBytes(25_276_502_016)).toBe("23.54GiB");
  expect(formatBytes(512)).toBe("512B");
});

test("processors are counted in billionths, exactly", () => {
  expect(parseCpus("0.5")).toBe("500000000");
  expect(parseCpus(".25")).toBe("250000000");
  expect(parseCpus("0.29")).toBe("290000000");
  expect(() => parseCpus("0.0000000001")).toThrow("value is too precise");
  expect(() => parseCpus("x")).toThrow("failed to parse x");
});

test("whole numbers are refused in Go's words", () => {
  expect(parseUnsigned("18446744073709551615")).toBe("18446744073709551615");
  expect(() => parseUnsigned("-1")).toThrow('strconv.ParseUint: parsing "-1": invalid syntax');
  expect(() => parseUnsigned("18446744073709551616")).toThrow("value out of range");
});

test("variables without a value take it from the environment, or unset the image's", () => {
  const environment = { HOME: "/root" };
  expect(resolveVariable("A=1=2", environment)).toBe("A=1=2");
  expect(resolveVariable("HOME", environment)).toBe("HOME=/root");
  expect(resolveVariable("NOPE", environment)).toBe("NOPE");
  expect(() => resolveVariable("=x", environment)).toThrow("invalid environment variable: =x");
});

test("an environment file has no quoting", () => {
  const content = '\uFEFF# comment\n\nA="x y"\r\n  B=1\nHOME\nNOPE\n';
  expect(parseEnvironmentFile(content, { HOME: "/h" })).toEqual(['A="x y"', "B=1", "HOME=/h"]);
  expect(() => parseEnvironmentFile("A B=1", {})).toThrow("contains whitespaces");
});

test.each([
  ["a b  c", ["a", "b", "c"]],
  ["x 'y z'", ["x", "y z"]],
  ['sh -c "echo \\"hi\\" $A"', ["sh", "-c", 'echo "hi" $A']],
  ["a\\ b", ["a b"]],
  ["''", [""]],
  ["pre'fix'ed", ["prefixed"]],
  ["  ", []],
])("the words of %j", (text, words) => {
  expect(splitWords(text)).toEqual(words);
});

test("an open quote is refused", () => {
  expect(() => splitWords("a 'b")).toThrow("a quote is not closed");
});

test("secrets and configs by name or in the long form", () => {
  expect(parseFileReference("s1", "secret")).toEqual({
    source: "s1",
    file: { name: "s1", uid: "0", gid: "0", mode: 0o444 },
  });
  expect(parseFileReference("src=s1,target=/x,uid=5,gid=6,mode=0400", "secret")).toEqual({
    source: "s1",
    file: { name: "/x", uid: "5", gid: "6", mode: 0o400 },
  });
  expect(() => parseFileReference("target=x", "secret")).toThrow("source is required");
  expect(() => parseFileReference("source=a,nope=1", "config")).toThrow("invalid field in config request: nope");
  expect(() => parseFileReference("source=a,mode=9", "config")).toThrow("invalid mode specified: 9");
});

test("ports on the nodes are taken, the routing mesh is refused with the way out", () => {
  expect(parsePublishedPort("mode=host,target=80,published=8080,protocol=udp")).toEqual({
    protocol: "UDP",
    targetPort: 80,
    publishedPort: 8080,
    publishMode: "HOST",
  });
  for (const text of ["8080:80", "80", "target=80,published=8080", "mode=ingress,target=80"]) {
    expect(() => parsePublishedPort(text)).toThrow("mode=host,target=80,published=");
  }
  expect(parsePort("53/udp")).toEqual({ protocol: "UDP", targetPort: 53 });
  expect(() => parsePort("x:y")).toThrow("invalid port: x:y");
  expect(() => parsePort("target=70000,mode=host")).toThrow("invalid target port (70000)");
});

test("hosts, limits and capabilities in docker's spellings", () => {
  expect(parseHost("h1:10.0.0.1")).toBe("10.0.0.1 h1");
  expect(parseHost("h1:::1")).toBe("::1 h1");
  expect(() => parseHost("h1:nope")).toThrow("invalid IP address");
  expect(parseUlimit("nofile=100:200")).toEqual({ name: "nofile", soft: "100", hard: "200" });
  expect(parseUlimit("nproc=5")).toEqual({ name: "nproc", soft: "5", hard: "5" });
  expect(() => parseUlimit("nofile=9:8")).toThrow("soft limit must be less");
  expect(normalizeCapability("net_admin")).toBe("CAP_NET_ADMIN");
  expect(normalizeCapability("all")).toBe("ALL");
});

test("any text is parsed or refused with a SwarmError", () => {
  const parsers = [parseDuration, parseBytes, parseCpus, parsePort, splitWords, parseUlimit, parseHost];
  const pieces = fc.constantFrom("a", "=", ",", ":", "'", '"', "\\", " ", "80", "target=", "source=", "/", "ms", "\n");
  fc.assert(
    fc.property(fc.array(fc.oneof(pieces, fc.string()), { maxLength: 8 }), (parts) => {
      for (const parse of parsers) {
        try {
          parse(parts.join(""));
        } catch (error) {
          expect(error).toBeInstanceOf(SwarmError);
        }
      }
    }),
  );
});
