// The language against what Go's own text/template made of the same templates (fixtures/go-1.19.8.json: written by hand
// and drawn at random, filled in by Go with the data and functions below).
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { FunctionFailure, type FunctionTable } from "./functions.ts";
import { Template } from "./template.ts";
import { TemplateError } from "./template-error.ts";
import { GoStruct, stringMap, valueOfJson } from "./value.ts";

interface Case {
  readonly template: string;
  readonly output?: string;
  readonly error?: string;
}
const cases = JSON.parse(
  readFileSync(new URL("../../fixtures/go-1.19.8.json", import.meta.url), "utf8"),
) as readonly Case[];

const functions: FunctionTable = {
  join: {
    parameters: [],
    rest: "string",
    call: ([separator, ...texts]) => {
      if (separator === undefined) throw new FunctionFailure("runtime error: slice bounds out of range [1:0]");
      return texts.join(String(separator));
    },
  },
  env: { parameters: ["string"], call: ([name]) => (name === "HOME" ? "/root" : "") },
  secret: {
    parameters: ["string"],
    call: ([name]) => {
      if (name === "s") return "hunter2";
      throw new FunctionFailure(`secret target ${name} not found`);
    },
  },
};
const data = new GoStruct("*main.Context", {
  Service: new GoStruct("struct { ID string; Name string; Labels map[string]string }", {
    ID: "service1",
    Name: "web",
    Labels: stringMap({ tier: "front", "com.example.x": "{{y}}", empty: "", b: "é" }),
  }),
  Node: new GoStruct("struct { ID string; Hostname string; Platform main.Platform }", {
    ID: "node1",
    Hostname: "host-one",
    Platform: new GoStruct("main.Platform", { Architecture: "x86_64", OS: "linux" }),
  }),
  Task: new GoStruct("struct { ID string; Name string; Slot string }", { ID: "task1", Name: "web.1.task1", Slot: "1" }),
});

function filled(template: string): Case {
  try {
    const parsed = new Template(template, { name: "expansion", functions, missingKey: "error" });
    return { template, output: parsed.fill(data).toString() };
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    return { template, error: error.message };
  }
}

test("every template gives Go's text, or Go's error", () => {
  expect(cases.length).toBeGreaterThan(800);
  expect(cases.filter(({ output }) => output !== undefined).length).toBeGreaterThan(250);
  expect(cases.map(({ template }) => filled(template))).toEqual(cases);
});

test("any text at all is filled in or refused, never more", () => {
  const pieces = [
    "{{",
    "}}",
    "{{-",
    " -}}",
    "(",
    ")",
    "|",
    ".",
    "$x",
    ":=",
    '"',
    "`",
    "'",
    " ",
    "if",
    "range",
    "end",
    "1",
    ".Node",
  ];
  const text = fc.array(fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 3 })), { maxLength: 25 });
  fc.assert(
    fc.property(text, (parts) => {
      const { output, error = "" } = filled(parts.join(""));
      expect(output === undefined ? error : "template: ").toMatch(/^template: /);
    }),
    { numRuns: 3_000 },
  );
});

test("text between actions passes through untouched, whatever bytes it has", () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (before, after) => {
      const clean = (bytes: Uint8Array): Buffer => Buffer.from(bytes.filter((byte) => byte !== 0x7b));
      const text = Buffer.concat([clean(before), Buffer.from("{{.Task.ID}}"), clean(after)]);
      const expected = Buffer.concat([clean(before), Buffer.from("task1"), clean(after)]);
      expect(new Template(text, { name: "t" }).fill(data)).toEqual(expected);
    }),
  );
});

test("literals give back what was quoted", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(filled(`{{${JSON.stringify(text)}}}`).output).toBe(text);
      expect(filled(`{{printf "%q" ${JSON.stringify(text)}}}`).output).toMatch(/^".*"$/s);
    }),
  );
});

test.each([
  ["for ever", '{{define "a"}}{{template "a"}}{{end}}{{template "a"}}', "exceeded maximum template depth"],
  ["too long", `{{$x := printf "%1000000s" "x"}}${"{{$x}}".repeat(9)}`, "becomes longer than"],
  ["too nested", "{{(".repeat(1) + "(".repeat(500), "nested too deeply"],
  ["too nested in blocks", "{{if 1}}".repeat(500), "nested too deeply"],
])("a template that runs %s is stopped", (_name, template, message) => {
  expect(filled(template).error).toContain(message);
});

test("a template that takes too many steps is stopped", () => {
  const many = valueOfJson(Array.from({ length: 60 }, () => 0));
  const nested = "{{range $a := .}}{{range $b := $}}{{range $c := $}}{{$c}}{{end}}{{end}}{{end}}";
  expect(() => new Template(nested, { name: "t" }).fill(many)).toThrow("steps");
});

test("JSON is data, and what it does not have is no value", () => {
  const fill = (text: string): string =>
    new Template(text, { name: "" }).fill(valueOfJson({ a: { b: [1, 2.5, "é", null, true] } })).toString();
  expect(fill("{{.a.b}} {{index .a.b 2}} {{.a.nope}} {{.a.nope.more}} {{len .a.b}}")).toBe(
    "[1 2.5 é <nil> true] é <no value> <no value> 5",
  );
  expect(fill("{{range $i, $x := .a.b}}{{$i}}={{$x}} {{end}}")).toBe("0=1 1=2.5 2=é 3=<no value> 4=true ");
  expect(fill("{{range .nope}}x{{else}}none{{end}}")).toBe("none");
});
