#!/bin/sh
# Fills the swarm of DOCKER_HOST with objects that use as many fields as the docker CLI can set.
set -eu
create() { docker service create --detach --quiet --no-resolve-image "$@" >/dev/null; }

docker node update --label-add zone=a --label-add empty= "$(docker node ls -q)" >/dev/null
printf 'not a secret' | docker secret create --label kind=test db-password - >/dev/null
# The content is a Go template: `--template-driver` is what is recorded.
printf '{{ .Node.Hostname }}' | docker secret create --template-driver golang db-template - >/dev/null
printf 'key = value\n' | docker config create --label kind=test app.conf - >/dev/null
docker network create --driver overlay --attachable --subnet 10.77.0.0/24 --opt encrypted --label tier=back back >/dev/null

create --name plain busybox:local
create --name full \
  --replicas 2 --label team=core --container-label inside=yes \
  --env A=1 --env EMPTY= --hostname 'h-{{.Task.Slot}}' --workdir /tmp --user 1000:1000 --group 1001 \
  --mount type=tmpfs,target=/scratch,tmpfs-size=1048576,tmpfs-mode=1770 \
  --mount type=volume,source=data,target=/data,volume-nocopy,volume-label=v=1 \
  --mount type=bind,source=/usr,target=/host,readonly,bind-propagation=private \
  --secret source=db-password,target=pw,uid=1000,gid=1000,mode=0400 \
  --secret db-template --config source=app.conf,target=/etc/app.conf \
  --dns 127.0.0.53 --dns-search example.test --dns-option ndots:2 --host db:127.0.0.2 \
  --health-cmd true --health-interval 2s --health-timeout 1s --health-retries 4 --health-start-period 1s \
  --stop-signal SIGQUIT --stop-grace-period 1s --init --read-only --tty \
  --limit-cpu 0.5 --limit-memory 64M --limit-pids 50 --reserve-cpu 0.1 --reserve-memory 16M \
  --restart-condition on-failure --restart-delay 2s --restart-max-attempts 3 --restart-window 1m \
  --update-parallelism 2 --update-delay 1s --update-monitor 2s --update-max-failure-ratio 0.25 \
  --update-order start-first --update-failure-action rollback \
  --rollback-parallelism 0 --rollback-monitor 1s --rollback-order stop-first \
  --constraint node.role==manager --placement-pref spread=node.labels.zone --replicas-max-per-node 5 \
  --log-driver json-file --log-opt max-size=1m --sysctl net.ipv4.ip_unprivileged_port_start=0 \
  --cap-add NET_ADMIN --cap-drop MKNOD --ulimit nofile=100:200 \
  busybox:local sleep 1000
create --name published --network name=back,alias=web --endpoint-mode vip --publish 8080:80 \
  --publish published=8053,target=53,protocol=udp,mode=host busybox:local
create --name everywhere --mode global --network host busybox:local
create --name batch --mode replicated-job --replicas 3 --max-concurrent 2 busybox:local true
create --name batch-everywhere --mode global-job busybox:local true
create --name failing --restart-condition none busybox:local sh -c 'exit 7'
create --name talker busybox:local sh -c 'echo to stdout; echo to stderr >&2; sleep 1000'
create --name nowhere --constraint node.labels.zone==z busybox:local
sleep 15
docker service update --detach --quiet --env-add B=2 --force full >/dev/null
docker service update --detach --quiet --replicas 2 plain >/dev/null
docker service rm nowhere >/dev/null
printf 'short-lived' | docker secret create gone - >/dev/null
docker secret rm gone >/dev/null
sleep 15
