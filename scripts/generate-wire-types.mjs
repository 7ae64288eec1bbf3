// Generates into packages/wire/src/generated the TypeScript types of every message and service under proto/, and the files
// themselves as JSON, which is read in a fifth of the time that parsing them takes at each start.
// Its flags say the same as loaderOptions in packages/wire/src/schema.ts; a test holds the two together.
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import protobuf from "protobufjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const protoDir = join(root, "proto");
const outDir = join(root, "packages/wire/src/generated");

const protoFiles = readdirSync(protoDir, { recursive: true })
  .map(String)
  .filter((file) => file.endsWith(".proto"))
  .sort();

rmSync(outDir, { recursive: true, force: true });
mkdirSync(outDir, { recursive: true });
execFileSync(
  join(root, "node_modules/.bin/proto-loader-gen-types"),
  [
    "--longs=String",
    "--enums=String",
    "--oneofs",
    "--includeComments",
    "--grpcLib=@grpc/grpc-js",
    "--inputTemplate=%sInput",
    "--outputTemplate=%s",
    "--importFileExtension=.ts",
    `--outDir=${outDir}`,
    "-I",
    protoDir,
    "--",
    ...protoFiles,
  ],
  { stdio: ["ignore", "ignore", "inherit"] },
);

// The generator's input type of an Any demands its fields, which its output type leaves open as all others do.
const anyFile = join(outDir, "google/protobuf/Any.ts");
const anyInput =
  "export interface AnyInput {\n  'type_url'?: (string);\n  'value'?: (Buffer | Uint8Array | string);\n}";
const anyTypes = readFileSync(anyFile, "utf8")
  .replace(/^import .*AnyExtension.*\n\n/m, "")
  .replace(/^export type AnyInput = [^}]*}/m, anyInput);
if (!anyTypes.includes(anyInput))
  throw new Error("the generator writes Any in another way: look at google/protobuf/Any.ts");
writeFileSync(anyFile, anyTypes);

// The generator's file per .proto describes a grpc-js package object, which nobody uses (see schema.ts).
for (const file of readdirSync(outDir)) if (file.endsWith(".ts")) rmSync(join(outDir, file));

// One barrel for each protobuf package; messages, enums and service handler types by their own names.
for (const [directory, target] of [
  ["docker/swarmkit/v1", "swarmkit.ts"],
  ["raftpb", "raftpb.ts"],
  ["mswarm/v1", "mswarm.ts"],
  ["google/protobuf", "google.ts"],
]) {
  const names = readdirSync(join(outDir, directory))
    .filter((file) => file.endsWith(".ts"))
    .sort();
  const lines = names.flatMap((file) => {
    const source = readFileSync(join(outDir, directory, file), "utf8");
    const exported = [...source.matchAll(/^export (?:interface|type) (\w+)/gm)].map((match) => match[1]);
    // A nested type is exported as Outer_Inner, without the generator's package prefix.
    const prefix = `_${directory.replaceAll("/", "_")}_`;
    const unique = [...new Set(exported)].map((name) =>
      name.startsWith(prefix) ? `${name} as ${name.slice(prefix.length)}` : name,
    );
    return unique.length === 0
      ? []
      : [`export type { ${unique.join(", ")} } from "./${relative(outDir, join(outDir, directory, file))}";`];
  });
  writeFileSync(join(outDir, target), `${lines.join("\n")}\n`);
}

const schema = new protobuf.Root();
schema.resolvePath = (_importer, file) => (protobuf.common.get(file) === null ? join(protoDir, file) : file);
schema.loadSync(protoFiles).resolveAll();
writeFileSync(
  join(outDir, "schema-json.ts"),
  `export const schemaJson: string =\n  ${JSON.stringify(JSON.stringify(schema.toJSON({ keepComments: false })))};\n`,
);
