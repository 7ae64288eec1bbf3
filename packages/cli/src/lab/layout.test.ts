import { expect, test } from "vitest";
import { checkLab, labNodes, labRoots } from "./layout.ts";

const lab = { name: "a".repeat(20), managers: 7, workers: 92, subnet: 255, engine: "unix:///var/run/docker.sock" };

test("every node of the largest lab has an address, sockets and a state directory of its own", () => {
  const nodes = labNodes(labRoots(undefined), lab);
  expect(nodes).toHaveLength(99);
  for (const key of ["name", "address", "stateDirectory", "controlPath", "apiPath", "logPath", "pidPath"] as const) {
    expect(new Set(nodes.map((node) => node[key])).size, key).toBe(99);
  }
  expect(nodes.map(({ address }) => address)).not.toContain("127.0.255.255");
  for (const { address } of nodes) expect(Number(address.split(".")[3])).toBeLessThan(255);
});

test("sockets of a lab in the usual place stay below what a socket path can hold", () => {
  for (const { controlPath, apiPath } of labNodes(labRoots(undefined), lab)) {
    expect(Math.max(controlPath.length, apiPath.length)).toBeLessThan(108);
  }
});

test("managers come first, and the first one starts the cluster", () => {
  const names = labNodes(labRoots(undefined), { ...lab, managers: 2, workers: 1 }).map(({ name }) => name);
  expect(names).toEqual(["m1", "m2", "w1"]);
});

test.each([
  [{ name: "", managers: 1, workers: 0 }, "invalid lab name"],
  [{ name: "../x", managers: 1, workers: 0 }, "invalid lab name"],
  [{ name: "a".repeat(21), managers: 1, workers: 0 }, "invalid lab name"],
  [{ name: "lab", managers: 0, workers: 0 }, "1 to 7 managers"],
  [{ name: "lab", managers: 8, workers: 0 }, "1 to 7 managers"],
  [{ name: "lab", managers: 1.5, workers: 0 }, "1 to 7 managers"],
  [{ name: "lab", managers: 1, workers: 99 }, "at most 99 nodes"],
  [{ name: "lab", managers: 1, workers: -1 }, "at most 99 nodes"],
])("a lab like %j is refused", (wanted, complaint) => {
  expect(() => checkLab(wanted)).toThrow(complaint);
});
