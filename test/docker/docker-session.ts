// A day with the stock command line, command by command. Each is run against real Docker and against mswarm.

export interface SessionCommand {
  /** Words of the command; `{…}` is filled in by the session. */
  readonly args: readonly string[];
  readonly input?: string;
  /** With a terminal. */
  readonly terminal?: boolean;
  /** Asked again until it prints something: what it shows comes into being by itself, soon after the command before. */
  readonly soon?: boolean;
}

/** Splits at spaces; quotes keep a word together. */
function words(line: string): string[] {
  return [...line.matchAll(/"(?<quoted>[^"]*)"|'(?<single>[^']*)'|(?<plain>\S+)/g)].map(
    ({ groups }) => groups?.["quoted"] ?? groups?.["single"] ?? groups?.["plain"] ?? "",
  );
}

function commands(lines: string): SessionCommand[] {
  return lines
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map((line) => {
      const [before = "", input] = line.split(" <<< ");
      const { mark, rest = "" } = /^(?:(?<mark>tty|soon) )?(?<rest>.*)$/.exec(before)?.groups ?? {};
      return {
        args: words(rest),
        ...(input === undefined ? {} : { input: `${input}\n` }),
        ...(mark === "tty" ? { terminal: true } : {}),
        ...(mark === "soon" ? { soon: true } : {}),
      };
    });
}

const withoutSwarm = `
  info --format '{{json .Swarm}}'
  node ls
  node inspect self
  service ls
  service create {image}
  secret ls
  config ls
  swarm join-token worker
  swarm update --task-history-limit 3
  swarm unlock-key
  swarm unlock
  swarm ca
  swarm leave
  swarm join --token SWMTKN-1-nonsense 127.0.0.1:1
  swarm init --advertise-addr nonsense
  swarm init --advertise-addr {address} --listen-addr {address}:{port} --cert-expiry 1s
  service inspect web
  stack ls
`;

const swarm = `
  swarm init --advertise-addr {address} --listen-addr {address}:{port}
  swarm init --advertise-addr {address}
  swarm join --token SWMTKN-1-nonsense 127.0.0.1:1
  info --format '{{json .Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}} {{.Swarm.Nodes}} {{.Swarm.Managers}} {{json .Swarm.Cluster.Spec}}'
  info --format '{{json .Swarm.RemoteManagers}} {{.Swarm.NodeAddr}} {{.Swarm.Cluster.DataPathPort}} {{json .Swarm.Cluster.DefaultAddrPool}}'
  swarm join-token worker
  swarm join-token manager
  swarm join-token -q worker
  swarm join-token -q --rotate worker
  swarm join-token nonsense
  swarm update --task-history-limit 3 --dispatcher-heartbeat 6s --cert-expiry 48h
  swarm update --cert-expiry 10m
  swarm update --dispatcher-heartbeat nonsense
  info --format '{{json .Swarm.Cluster.Spec}}'
  swarm unlock-key
  swarm unlock
  swarm ca
  swarm leave
`;

const nodes = `
  node ls
  node ls -q
  node ls --format '{{.Hostname}} {{.Status}} {{.Availability}} {{.ManagerStatus}} {{.EngineVersion}} {{.TLSStatus}}'
  node ls --filter role=manager
  node ls --filter role=worker
  node ls --filter name={hostname}
  node ls --filter name=nobody
  node ls --filter role=nonsense
  node ls --filter nonsense=1
  node ls --filter membership=accepted -q
  node inspect self --format '{{json .Spec}}'
  node inspect self --format '{{json .Description.Platform}} {{json .Description.Resources}} {{json .Description.Engine}}'
  node inspect self --format '{{json .Status}} {{json .ManagerStatus}}'
  node inspect --pretty self
  node inspect {hostname} --format '{{.Description.Hostname}}'
  node inspect nobody
  node update --label-add zone=a --label-add disk= {hostname}
  node inspect self --format '{{json .Spec}}'
  node ls --filter node.label=zone=a -q
  node update --label-rm zone {hostname}
  node update --label-rm nothing {hostname}
  node update --availability pause {hostname}
  node update --availability nonsense {hostname}
  node ls --format '{{.Availability}}'
  node update --availability active {hostname}
  node update self
  node promote {hostname}
  node demote {hostname}
  node rm {hostname}
  node rm nobody
  node ps self
  node ps nobody
`;

const payloads = `
  secret create key - <<< hidden
  secret create key - <<< hidden
  secret create --label a=1 labelled - <<< more
  secret create -bad- - <<< x
  secret ls
  secret ls --format '{{.Name}} {{.Driver}} {{.Labels}}'
  secret ls --filter name=lab
  secret ls --filter label=a=1 -q
  secret ls --filter nonsense=1
  secret inspect key --format '{{json .Spec}}'
  secret inspect --pretty labelled
  secret inspect key labelled --format '{{.Spec.Name}}'
  secret inspect nothing
  secret rm nothing
  secret create --template-driver golang templated - <<< {{.Node.Hostname}}
  secret inspect templated --format '{{json .Spec.Templating}}'
  config create conf - <<< setting
  config create conf - <<< setting
  config create --label a=1 labelled - <<< more
  config ls
  config ls --filter name=conf --format '{{.Name}}'
  config inspect conf --format '{{json .Spec}}'
  config inspect --pretty conf
  config inspect nothing
  config rm nothing
`;

const services = `
  service create -q --no-resolve-image --update-monitor 1ms --name web --replicas 2 --env A=1 --label team=x --container-label c=1 --stop-grace-period 1s {image} sh -c 'echo said; trap exit TERM; sleep 600 & wait'
  service create -q --no-resolve-image --name web {image}
  service ls
  service ls --format '{{.Name}} {{.Mode}} {{.Replicas}} {{.Image}} {{.Ports}}'
  service ls --filter name=we -q
  service ls --filter mode=global
  service ls --filter label=team=x --format '{{.Name}}'
  service ls --filter nonsense=1
  service inspect web --format '{{json .Spec}}'
  service inspect web --format '{{json .Endpoint}} {{json .UpdateStatus}} {{json .PreviousSpec}}'
  service inspect --pretty web
  service inspect nothing
  inspect web --format '{{.Spec.Name}}'
  service ps web --format '{{.Name}} {{.Image}} {{.Node}} {{.DesiredState}} {{.Error}} {{.Ports}}'
  service ps web --filter desired-state=shutdown
  service ps web --filter name=web.1 --format '{{.Name}}'
  service ps web --filter nonsense=1
  service ps nothing
  service logs --raw --tail 1 nothing
  node ps self --format '{{.Name}} {{.DesiredState}}'
  ps --filter label=com.docker.swarm.service.name=web --format '{{.Image}} {{.Command}}'
  ps --filter is-task=false -q
  service scale -d web=3
  service scale -d web=-1
  service scale -d nothing=2
  service update -q --no-resolve-image --replicas 1 web
  service ls --format '{{.Name}} {{.Mode}}'
  service update -q --no-resolve-image --env-add B=2 --env-rm A --label-add x=y --label-rm team web
  service inspect web --format '{{json .Spec.Labels}} {{json .Spec.TaskTemplate.ContainerSpec.Env}} {{json .PreviousSpec.TaskTemplate.ContainerSpec.Env}}'
  service rollback -q web
  service inspect web --format '{{json .Spec.TaskTemplate.ContainerSpec.Env}}'
  service update -q --force web
  service update -q --args 'sleep 500' web
  service inspect web --format '{{json .Spec.TaskTemplate.ContainerSpec.Args}} {{.Spec.TaskTemplate.ForceUpdate}}'
  service update -d --limit-memory 1k web
  service update -d --mode global web
  service rollback -q -d web
  service create -q --no-resolve-image --update-monitor 1ms --name uses --secret source=key,target=other,mode=0400 --config source=conf,target=/etc/conf --stop-grace-period 1s {image} sleep 600
  service inspect uses --format '{{json .Spec.TaskTemplate.ContainerSpec.Secrets}} {{json .Spec.TaskTemplate.ContainerSpec.Configs}}'
  secret rm key
  config rm conf
  service update -q --secret-rm key uses
  secret rm key
  service create -q --no-resolve-image --name bad --secret nothing {image}
  service create -q --no-resolve-image --name bad --config nothing {image}
  service create -q --no-resolve-image --name bad --network nothing {image}
  service create -q --no-resolve-image --name -bad- {image}
  service create -q --no-resolve-image --name bad --limit-cpu 0.0001 {image}
  service create -q --no-resolve-image --name bad --constraint nonsense {image}
  service create -q --no-resolve-image --name bad --mount type=nonsense,target=/x {image}
  service create -d -q --no-resolve-image --name nowhere --constraint node.labels.nowhere==1 {image}
  soon service ps nowhere --format '{{.Name}} {{.DesiredState}}'
  service create -q --no-resolve-image --update-monitor 1ms --name everywhere --mode global --network host --stop-grace-period 1s {image} sleep 600
  service ls --filter mode=global --format '{{.Name}} {{.Mode}} {{.Replicas}}'
  service inspect everywhere --format '{{json .Spec.Mode}} {{len .Spec.TaskTemplate.Networks}}'
  service create -q --no-resolve-image --update-monitor 1ms --name open --publish mode=host,target=80,published={free} --stop-grace-period 1s {image} sleep 600
  service inspect open --format '{{json .Spec.EndpointSpec}}'
  service create -q --no-resolve-image --name once --mode replicated-job {image} true
  service ls --filter name=once --format '{{.Name}} {{.Mode}}'
  service inspect once --format '{{json .Spec.Mode}}'
  service create -d -q --no-resolve-image --name full --update-monitor 1ms --replicas 0 --user 1000 --workdir /tmp --hostname h --dns 192.0.2.1 --host x:192.0.2.2 --read-only --init --tty --stop-signal INT --stop-grace-period 3s --limit-memory 64m --reserve-memory 8m --limit-cpu 0.5 --limit-pids 50 --ulimit nofile=64:64 --cap-add NET_ADMIN --cap-drop CHOWN --sysctl net.ipv4.ip_forward=1 --health-cmd true --health-interval 5s --mount type=tmpfs,target=/t,tmpfs-size=1m --mount type=volume,source=v,target=/v,readonly --restart-condition on-failure --restart-max-attempts 2 --restart-delay 2s --restart-window 3s --update-order start-first --update-parallelism 2 --update-failure-action rollback --rollback-parallelism 0 --placement-pref spread=node.labels.zone --replicas-max-per-node 2 --log-driver json-file --log-opt max-size=1m --env A=b --entrypoint sh {image} -c true
  service inspect full --format '{{json .Spec}}'
  service inspect --pretty full
  events --since {start} --until=-2s --filter type=secret --format '{{.Type}} {{.Action}} {{.Actor.Attributes.name}} {{.Scope}}'
  service rm nowhere everywhere open once full uses
  service rm nothing
  service ls --format '{{.Name}}'
  secret rm key labelled templated
  config rm conf labelled
`;

/** Events of the swarm among it: Docker tells them some time after what they tell of, and remembers 256. */
const engine = `
  run --rm {image} echo hello
  run --rm -i {image} cat <<< typed
  tty run --rm -it {image} sh -c 'test -t 0 && echo terminal'
  run --rm {image} sh -c 'exit 3'
  events --since {start} --until 0s --filter type=config --filter event=remove --format '{{.Action}} {{.Actor.Attributes.name}}'
  events --since {start} --until 0s --filter type=service --filter event=create --format '{{.Action}} {{.Actor.Attributes.name}}'
  events --since {start} --until 0s --filter type=node --filter event=create --format '{{json .Actor.Attributes}}'
  events --since {start} --until 0s --filter scope=swarm --filter secret=key --format '{{.Action}}'
  run -d --name box {image} sleep 600
  ps --filter name=box --format '{{.Names}} {{.Image}} {{.Command}}'
  exec box echo inside
  exec -i box cat <<< piped
  tty exec -it box sh -c 'test -t 1 && echo terminal'
  exec box nothing
  exec nobody true
  inspect box --format '{{.Name}} {{.State.Status}} {{json .Config.Cmd}}'
  inspect nobody
  cp box:/bin/busybox -q
  top box -eo comm
  rename box crate
  pause crate
  unpause crate
  update --memory 64m crate
  logs crate
  stop -t 0 crate
  start crate
  kill crate
  wait crate
  diff crate
  commit crate made
  rm crate
  rm crate
  tag made again:1
  image inspect again:1 --format '{{json .Config.Cmd}}'
  history -q made
  rmi again:1 made
  images --filter reference=nothing
  pull 127.0.0.1:1/nothing
  build -q -t built {context}
  run --rm built cat /made
  rmi built
  network ls --filter driver=null
  network create own
  network create own
  network inspect own --format '{{.Name}} {{.Driver}} {{.Scope}}'
  network inspect host --format '{{.Name}} {{.Driver}} {{.Scope}}'
  network inspect nothing
  network rm own
  network rm bridge
  volume create vol
  volume ls --filter name=vol
  volume inspect vol --format '{{.Name}} {{.Driver}}'
  volume rm vol
  volume rm vol
  system df --format '{{.Type}}'
  info --format '{{.ServerVersion}} {{.Driver}} {{.NCPU}}'
  version --format '{{.Server.APIVersion}}'
  events --since 1 --until 2
  search --limit 1 nothing:nothing:nothing
  plugin ls
  system info --format '{{.OSType}}'
`;

const end = `
  swarm leave
  swarm leave --force
  node ls
  info --format '{{json .Swarm}}'
  swarm leave --force
`;

/** The whole session, in order. */
export const sessionCommands: readonly SessionCommand[] = commands(
  [withoutSwarm, swarm, nodes, payloads, services, engine, end].join("\n"),
);
