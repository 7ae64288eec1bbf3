#!/bin/sh
# Records messages of this machine's Docker Engine into ../fixtures/docker-<version>. Needs root, dockerd, the docker
# CLI, busybox-static, Node 24 as `node`, and about two minutes. The engine gets its own network namespace and folders,
# and is removed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ "${1:-}" != inside ]; then exec unshare --net "$0" inside; fi

ip link set lo up
folder=$(mktemp -d /tmp/msr-XXXXXX)
echo '{}' >"$folder/daemon.json"
dockerd --data-root "$folder/data" --exec-root "$folder/exec" --pidfile "$folder/pid" --host "unix://$folder/docker.sock" \
  --bridge none --iptables=false --ip6tables=false --storage-driver overlay2 --config-file "$folder/daemon.json" \
  >"$folder/log" 2>&1 &
daemon=$!
finish() {
  [ $? = 0 ] || tail -5 "$folder/log"
  kill "$daemon" 2>/dev/null && wait "$daemon" || true
  # An engine that crashed leaves its containers: they and their shims are known by the folder.
  for shim in $(pgrep -f "containerd-shim.*$folder/" || true); do kill -9 $(ps -o pid= --ppid "$shim") "$shim" || true; done
  grep -o " $folder/[^ ]*" /proc/self/mounts | sort -r | xargs -r umount --lazy || true
  rm -rf "$folder"
}
trap finish EXIT
export DOCKER_HOST="unix://$folder/docker.sock"
until docker version >/dev/null 2>&1; do
  kill -0 "$daemon" || { tail "$folder/log"; exit 1; }
  sleep 0.2
done
version=$(docker version --format '{{.Server.Version}}')

"$here/make-image.sh"
docker swarm init --advertise-addr 127.0.0.1 --listen-addr 127.0.0.1:12399 --task-history-limit 1 >/dev/null
node --conditions=mswarm-source "$here/record.ts" "$folder/exec/swarm/control.sock" 127.0.0.1:12399 \
  "$here/../fixtures/docker-${version%%+*}"
