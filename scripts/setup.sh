# Sourced by ./mswarm and ./scripts/test: brings what a fresh machine lacks. Once everything is there it makes no network
# access and no write. Needs $root; gives $node.
# shellcheck shell=sh

node="$root/node_modules/node/bin/node"
stamp="$root/.setup/built"

say() { printf 'mswarm: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

as_root_apt() {
  [ "$(id -u)" = 0 ] || die "$1 is missing and only root can install it: apt-get install $1"
  command -v apt-get >/dev/null 2>&1 || die "$1 is missing and this machine has no apt-get: install it and try again"
  say "installing $1 (apt-get)"
  DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2 || true
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}

built_is_current() {
  [ -x "$node" ] && [ -f "$stamp" ] && [ -z "$(find "$root/packages" "$root/proto" "$root/pnpm-lock.yaml" "$root/tsconfig.base.json" \
    \( -name node_modules -o -name dist -o -name generated \) -prune -o \( -type f -newer "$stamp" \) -print -quit 2>/dev/null)" ]
}

# pnpm by npx: it needs npm alone. Old npm configuration keys make it warn, which nobody needs to read.
run_pnpm() { (cd "$root" && CI=true npx -y pnpm@12 "$@") >"$root/.setup/pnpm.log" 2>&1 || { cat "$root/.setup/pnpm.log" >&2; return 1; }; }

build() {
  built_is_current && return 0 # another start may have built while this one waited for the lock
  command -v npm >/dev/null 2>&1 || as_root_apt npm
  if [ ! -x "$node" ] || [ "$root/pnpm-lock.yaml" -nt "$root/node_modules/.modules.yaml" ]; then
    say "installing dependencies and Node 24"
    run_pnpm install --frozen-lockfile || die "the dependencies could not be installed (see above); is the npm registry reachable?"
  fi
  touch "$stamp.new"
  say "building"
  "$node" "$root/scripts/generate-wire-types.mjs" || die "the types of the wire could not be generated"
  "$node" "$root/node_modules/typescript/bin/tsc" -b "$root" >&2 || die "the sources do not compile"
  mv "$stamp.new" "$stamp"
}

# Serialised by a lock, so that daemons started at the same moment on a fresh machine do not build twice.
ensure_built() {
  built_is_current && return 0
  mkdir -p "$root/.setup"
  exec 9>"$root/.setup/lock"
  flock 9
  build
  exec 9>&-
}

engine_answers() { [ -S /var/run/docker.sock ] && "$node" "$root/scripts/engine-ping.mjs" /var/run/docker.sock; }

start_engine() {
  if [ -d /run/systemd/system ]; then
    systemctl start docker >&2 && return 0
  fi
  # dockerd wants cgroups mounted; machines without an init system often lack them.
  if ! mountpoint -q /sys/fs/cgroup; then mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup || true; fi
  setsid nohup dockerd >/var/log/mswarm-dockerd.log 2>&1 9>&- </dev/null &
}

# For commands that run containers: Docker Engine is installed only where no dockerd of any kind exists, and started when it is
# installed but not running.
ensure_engine() {
  engine_answers && return 0
  if ! command -v dockerd >/dev/null 2>&1; then
    say "this command needs Docker Engine, and this machine has none"
    as_root_apt docker.io iptables ca-certificates
    sleep 1
  fi
  engine_answers && return 0
  [ "$(id -u)" = 0 ] || die "Docker Engine is installed but not running; start it (as root: systemctl start docker)"
  say "starting Docker Engine"
  start_engine
  tries=0
  until engine_answers; do
    tries=$((tries + 1))
    [ "$tries" -le 60 ] || die "Docker Engine did not answer within 30 seconds; its log: /var/log/mswarm-dockerd.log or journalctl -u docker"
    sleep 0.5
  done
}

# The demo makes its image from the machine's static busybox, so that it needs no registry.
ensure_demo_tools() {
  command -v docker >/dev/null 2>&1 || as_root_apt docker.io
  [ -x /bin/busybox ] || as_root_apt busybox-static
}
