// The flags of `service create` and `service update`: one table, because most of them are the same.
import { Option } from "commander";
import { addFlag, addList, type CliCommand } from "../cli-command.ts";

const texts: readonly (readonly [flags: string, description: string])[] = [
  ["--entrypoint <command>", "Overwrite the default ENTRYPOINT of the image"],
  ["--endpoint-mode <mode>", "Endpoint mode (vip or dnsrr)"],
  ["--health-cmd <command>", "Command to run to check health"],
  ["--health-interval <duration>", "Time between running the check (ms|s|m|h)"],
  ["--health-retries <count>", "Consecutive failures needed to report unhealthy"],
  ["--health-start-interval <duration>", "Time between checks during the start period (ms|s|m|h)"],
  ["--health-start-period <duration>", "Start period before failures count (ms|s|m|h)"],
  ["--health-timeout <duration>", "Maximum time to allow one check to run (ms|s|m|h)"],
  ["--hostname <name>", "Container hostname"],
  ["--isolation <mode>", "Service container isolation mode"],
  ["--limit-cpu <cpus>", "Limit CPUs"],
  ["--limit-memory <bytes>", "Limit memory"],
  ["--limit-pids <count>", "Limit maximum number of processes (0 = unlimited)"],
  ["--log-driver <name>", "Logging driver for service"],
  ["--max-concurrent <count>", "Number of job tasks to run concurrently (default equal to --replicas)"],
  ["--oom-score-adj <score>", "Tune host's OOM preferences (-1000 to 1000)"],
  ["--replicas <count>", "Number of tasks"],
  ["--replicas-max-per-node <count>", "Maximum number of tasks per node (0 = unlimited)"],
  ["--reserve-cpu <cpus>", "Reserve CPUs"],
  ["--reserve-memory <bytes>", "Reserve memory"],
  ["--restart-condition <word>", 'Restart when condition is met ("none", "on-failure", "any")'],
  ["--restart-delay <duration>", "Delay between restart attempts (ns|us|ms|s|m|h)"],
  ["--restart-max-attempts <count>", "Maximum number of restarts before giving up"],
  ["--restart-window <duration>", "Window used to evaluate the restart policy (ns|us|ms|s|m|h)"],
  ["--stop-grace-period <duration>", "Time to wait before force killing a container (ns|us|ms|s|m|h)"],
  ["--stop-signal <signal>", "Signal to stop the container"],
  ["-u, --user <user>", "Username or UID (format: <name|uid>[:<group|gid>])"],
  ["-w, --workdir <path>", "Working directory inside the container"],
];

const policies = (name: "update" | "rollback", actions: string): readonly (readonly [string, string])[] => [
  [`--${name}-delay <duration>`, `Delay between task ${name}s (ns|us|ms|s|m|h)`],
  [`--${name}-failure-action <action>`, `Action on ${name} failure (${actions})`],
  [`--${name}-max-failure-ratio <ratio>`, `Failure rate to tolerate during ${name}`],
  [`--${name}-monitor <duration>`, `Duration after each task ${name} to monitor for failure (ns|us|ms|s|m|h)`],
  [`--${name}-order <order>`, `${name} order ("start-first", "stop-first")`],
  [`--${name}-parallelism <count>`, `Maximum number of tasks in ${name} at the same time (0 = all at once)`],
];

const flags: readonly (readonly [flags: string, description: string])[] = [
  ["-d, --detach", "Exit immediately instead of waiting for the service to converge"],
  ["-q, --quiet", "Suppress progress output"],
  ["--init", "Use an init inside each service container to forward signals and reap processes"],
  ["--read-only", "Mount the container's root filesystem as read only"],
  ["-t, --tty", "Allocate a pseudo-TTY"],
  ["--with-registry-auth", "Send registry authentication details to the nodes"],
];

/** Name without ending, what one entry is, description. */
const lists: readonly (readonly [name: string, entry: string, description: string])[] = [
  ["config", "<config>", "config exposed to the service"],
  ["constraint", "<constraint>", "placement constraint"],
  ["container-label", "<label>", "container label"],
  ["dns", "<address>", "DNS server"],
  ["dns-option", "<option>", "DNS option"],
  ["dns-search", "<domain>", "DNS search domain"],
  ["env", "<variable>", "environment variable"],
  ["generic-resource", "<resource>", "user defined resource"],
  ["group", "<group>", "supplementary user group"],
  ["host", "<mapping>", "host-to-IP mapping (host:ip)"],
  ["label", "<label>", "service label"],
  ["mount", "<mount>", "filesystem mount"],
  ["network", "<network>", "network attachment (host, bridge)"],
  ["placement-pref", "<preference>", "placement preference"],
  ["publish", "<port>", "published port (mode=host,target=80,published=8080)"],
  ["secret", "<secret>", "secret exposed to the service"],
  ["sysctl", "<option>", "sysctl option"],
  ["ulimit", "<ulimit>", "ulimit option"],
];

const shortNames: Readonly<Record<string, string>> = { env: "-e, ", label: "-l, ", publish: "-p, " };

function addShared(command: CliCommand): void {
  const pairs = [
    ...texts,
    ...policies("update", "pause, continue, rollback"),
    ...policies("rollback", "pause, continue"),
  ];
  for (const [name, description] of pairs) command.option(name, description);
  for (const [name, description] of flags) addFlag(command, name, description);
  addList(command, "--cap-add <capability>", "Add Linux capabilities");
  addList(command, "--cap-drop <capability>", "Drop Linux capabilities");
  addList(command, "--log-opt <option>", "Logging driver options");
  command
    .option("--no-healthcheck", "Disable any container-specified HEALTHCHECK")
    .option("--no-resolve-image", "Accepted for docker's sake: images are not resolved to digests here");
  command.addOption(new Option("--credential-spec <spec>").hideHelp());
}

export function addCreateOptions(command: CliCommand): void {
  addShared(command);
  command
    .option("--name <name>", "Service name")
    .option("--mode <mode>", 'Service mode ("replicated", "global", "replicated-job", "global-job")', "replicated");
  for (const [name, entry, description] of lists)
    addList(command, `${shortNames[name] ?? ""}--${name} ${entry}`, `Add: ${description}`);
  addList(command, "--env-file <path>", "Read in a file of environment variables");
}

export function addUpdateOptions(command: CliCommand): void {
  addShared(command);
  command.option("--image <image>", "Service image tag").option("--args <command>", "Service command args");
  for (const [name, entry, description] of lists) {
    addList(command, `--${name}-add ${entry}`, `Add or update: ${description}`);
    addList(command, `--${name}-rm ${entry}`, `Remove: ${description}`);
  }
  addFlag(command, "--force", "Force update even if no changes require it");
  addFlag(command, "--rollback", "Rollback to previous specification");
}
