// The daemon from the sources, for tests whose hook changes it. Takes the flags of `mswarm daemon` that they use.
import { parseArgs } from "node:util";
import { runDaemon } from "@mswarm/node/daemon";
import { invariant, logLevels, messageOf } from "@mswarm/runtime";

const flag = { type: "string", default: "" } as const;
const { values } = parseArgs({
  options: {
    "state-dir": flag,
    engine: flag,
    api: flag,
    control: flag,
    hostname: flag,
    "default-advertise-addr": flag,
    "log-level": flag,
    "publish-addr": flag,
    lab: flag,
  },
});
const logLevel = logLevels.find((level) => level === values["log-level"]);
invariant(logLevel !== undefined, "the log level is one");
const stop = new AbortController();
process.on("SIGTERM", () => stop.abort());
try {
  await runDaemon(
    {
      stateDirectory: values["state-dir"],
      engine: values.engine,
      api: values.api,
      control: values.control,
      hostname: values.hostname,
      defaultAdvertiseAddress: values["default-advertise-addr"],
      logLevel,
      logFormat: "json",
      lab: values.lab,
      publishAddress: values["publish-addr"],
    },
    stop.signal,
  );
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
