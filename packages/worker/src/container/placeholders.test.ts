import { expect, test } from "vitest";
import { assignedTask } from "../testing/worker-scene.ts";
import { expandPlaceholders, type PlaceholderValues, placeholderValues } from "./placeholders.ts";

const node = { id: "node1", hostname: "host-one", operatingSystem: "linux", architecture: "x86_64" };
const values: PlaceholderValues = placeholderValues(
  assignedTask(
    "task1",
    {},
    { serviceAnnotations: { name: "web", labels: { tier: "front", "com.example.x": "{{y}}" } } },
  ),
  node,
);
const expand = (text: string): string => expandPlaceholders(text, values, "the environment");

test("every plain field is known, with and without spaces", () => {
  expect(expand("{{.Service.ID}} {{ .Service.Name }} {{.Service.Labels.tier}}")).toBe("service1 web front");
  expect(expand("{{.Node.ID}} {{.Node.Hostname}} {{.Node.Platform.OS}}/{{.Node.Platform.Architecture}}")).toBe(
    "node1 host-one linux/x86_64",
  );
  expect(expand("{{.Task.ID}} {{.Task.Name}} {{.Task.Slot}}")).toBe("task1 web.1.task1 1");
});

test("a task without a slot has its node's id there", () => {
  const global = placeholderValues(assignedTask("task1", {}, { slot: "0" }), node);
  expect(expandPlaceholders("{{.Task.Slot}}", global, "x")).toBe("node1");
});

test("a label with dots is reached by index, an absent one is empty there and an error as a field", () => {
  expect(expand('{{index .Service.Labels "com.example.x"}}')).toBe("{{y}}");
  expect(expand('[{{index .Service.Labels "absent"}}]')).toBe("[]");
  expect(() => expand("{{.Service.Labels.absent}}")).toThrow('the service has no label "absent"');
});

test("text without braces stays untouched, JSON included", () => {
  expect(expand('A={"b":{"c":1}}')).toBe('A={"b":{"c":1}}');
});

test("anything beyond plain fields is refused, never guessed", () => {
  const templates = [
    "{{env `HOME`}}",
    "{{if .Service.Name}}x{{end}}",
    "{{.Service.Name | upper}}",
    "{{",
    "{{-.Task.ID}}",
  ];
  for (const text of templates) expect(() => expand(text)).toThrow(/template in the environment: .* is not supported/);
});
