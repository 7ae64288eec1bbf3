import { expect, test } from "vitest";
import { isImageReference } from "./image-reference.ts";

const digest = `sha256:${"a".repeat(64)}`;

test.each([
  "nginx",
  "nginx:1.27",
  "user/app",
  "docker.io/library/nginx:latest",
  "localhost/app",
  "localhost:5000/app",
  "registry.example.com:5000/team/app_one/x--y:v1",
  "[fd00::1]:5000/app",
  `nginx@${digest}`,
  `host.example/app:1@${digest}`,
  "UPPER.example/app",
  "a".repeat(200),
])("%s is an image", (text) => expect(isImageReference(text)).toBe(true));

test.each([
  "",
  "Nginx",
  "user/App",
  "-nginx",
  "nginx:",
  "nginx:-tag",
  `nginx:${"t".repeat(129)}`,
  "nginx@sha256:abc",
  `nginx@md5:${"a".repeat(32)}`,
  `nginx@sha256:${"A".repeat(64)}`,
  "a".repeat(64),
  "a//b",
  "a..b",
  "nginx latest",
  "http://nginx",
  `x/${"a".repeat(256)}`,
])("%s is no image", (text) => expect(isImageReference(text)).toBe(false));

test("hostile names are judged quickly", () => {
  for (const text of [
    `${"a-".repeat(500)}!`,
    `${"a".repeat(1_000)}!`,
    `${"a_".repeat(500)}_!`,
    `${"a.".repeat(400)}/!`,
  ]) {
    expect(isImageReference(text)).toBe(false);
  }
});
