# Sourced by ./mswarm and the scripts beside this file: brings what a fresh machine lacks. Once everything is there it makes no
# network access and no write. Needs $root; gives $node.
# shellcheck shell=sh

: "${root:?}"
node="$root/node_modules/node/bin/node"
# A small young generation: a daemon at rest takes 20 MiB less memory, and one at work is not slower (scripts/bench). An old one
# that grows by little before it is collected: after 30,000 writes a manager takes 157 MiB instead of 253, for a tenth more
# processor time (--optimize-for-size: 146 MiB, for four tenths).
# shellcheck disable=SC2034
node_flags="--disable-warning=ExperimentalWarning --max-semi-space-size=4 --heap-growing-percent=60"
built_stamp="$root/.setup/built"
installed_stamp="$root/.setup/installed"

say() { printf 'mswarm: %s\n' "$*" >&2; }
die() {
  say "$*"
  exit 1
}

as_root_apt() {
  [ "$(id -u)" = 0 ] || die "$1 is missing and only root can install it: apt-get install $*"
  command -v apt-get >/dev/null 2>&1 || die "$1 is missing and this machine has no apt-get: install it and try again"
  say "installing $* (apt-get)"
  # What it prints matters only when it fails.
  log=$(mktemp)
  { DEBIAN_FRONTEND=noninteractive apt-get update -qq || true; } >"$log" 2>&1
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >>"$log" 2>&1 || {
    cat "$log" >&2
    die "$1 could not be installed (see above)"
  }
  rm -f "$log"
}

# Installs packages when a command is missing: ensure_command COMMAND PACKAGE…
ensure_command() {
  command -v "$1" >/dev/null 2>&1 && return 0
  shift
  as_root_apt "$@"
}

# What the dependencies, and what the build, are made from: by content, because copies and checkouts keep no times, and by
# name, so that a deleted file is a change too.
installed_from() { (cd "$root" && cksum pnpm-lock.yaml pnpm-workspace.yaml package.json packages/*/package.json test/package.json bench/package.json); }
find_sources() {
  (cd "$root" && find packages proto scripts package.json pnpm-lock.yaml pnpm-workspace.yaml tsconfig.json tsconfig.base.json \
    \( -name node_modules -o -name dist -o -name bundle -o -name generated \) -prune -o "$@")
}
built_from() { find_sources -type f -print0 | (cd "$root" && LC_ALL=C sort -z | xargs -0 cksum) | cksum; }
# A quick look first: whatever has touched a file, a copy too, has left the time of it.
nothing_changed() { [ -z "$(find_sources -cnewer "$built_stamp" -print -quit)" ]; }

installed_is_current() {
  [ -x "$node" ] && [ -f "$installed_stamp" ] && [ "$(installed_from)" = "$(cat "$installed_stamp")" ]
}

built_is_current() {
  [ -x "$node" ] && [ -f "$built_stamp" ] || return 1
  for package in "$root"/packages/*/; do [ -f "${package}dist/.tsbuildinfo" ] || return 1; done
  [ -f "$root/packages/cli/bundle/main.js" ] || return 1
  nothing_changed && return 0
  # The time from which on changes matter is that before the look.
  if [ -w "$built_stamp" ]; then : >"$built_stamp.looked"; fi
  [ "$(built_from)" = "$(cat "$built_stamp")" ] || return 1
  if [ -w "$built_stamp" ]; then touch -r "$built_stamp.looked" "$built_stamp"; fi
}

# pnpm by npx: it needs npm alone. What it prints matters only when it fails. A registry that stalls is asked again after a minute.
run_pnpm() {
  (cd "$root" && CI=true npx -y --prefer-offline --fetch-timeout=60000 pnpm@12 "$@") >"$root/.setup/pnpm.log" 2>&1 || {
    cat "$root/.setup/pnpm.log" >&2
    return 1
  }
}

build() {
  built_is_current && return 0 # another start may have built while this one waited for the lock
  rm -f "$built_stamp"
  if ! installed_is_current; then
    command -v npm >/dev/null 2>&1 || as_root_apt npm
    say "installing dependencies and Node 24"
    run_pnpm install --frozen-lockfile || die "the dependencies could not be installed (see above); is the npm registry reachable?"
    installed_from >"$installed_stamp"
  fi
  built_from >"$built_stamp.new"
  say "building"
  "$node" "$root/scripts/generate-wire-types.mjs" || die "the types of the wire could not be generated"
  "$node" "$root/node_modules/typescript/bin/tsc" -b "$root" >&2 || die "the sources do not compile"
  "$node" "$root/scripts/bundle.mjs" || die "the program could not be put together"
  mv "$built_stamp.new" "$built_stamp"
}

# Serialised by a lock, so that daemons started at the same moment on a fresh machine do not build twice.
ensure_built() {
  built_is_current && return 0
  # shellcheck disable=SC2015
  [ -w "$root" ] && mkdir -p "$root/.setup" 2>/dev/null && [ -w "$root/.setup" ] ||
    die "this checkout has to be built, and $(id -un) cannot write to it: $root"
  exec 9>"$root/.setup/lock"
  flock -n 9 || {
    say "waiting for another start that is setting up"
    flock 9
  }
  build
  exec 9>&-
}

engine_socket=/var/run/docker.sock
# True when somebody answers on the unix socket $1; with "engine" as $2, when that is a Docker Engine.
answers() { [ -S "$1" ] && "$node" "$root/scripts/socket-answers.mjs" "$@"; }
engine_answers() { answers "$engine_socket" engine; }

start_engine() {
  if [ -d /run/systemd/system ]; then
    systemctl start docker >&2 && return 0
  fi
  # dockerd wants cgroups mounted; machines without an init system often lack them.
  if ! mountpoint -q /sys/fs/cgroup; then mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup || true; fi
  setsid nohup dockerd >/var/log/mswarm-dockerd.log 2>&1 </dev/null &
}

# For commands that run containers: Docker Engine is installed only where no dockerd of any kind exists, and started when it is
# installed but not running.
ensure_engine() {
  engine_answers && return 0
  if [ -S "$engine_socket" ] && [ ! -w "$engine_socket" ]; then
    die "$(id -un) may not use Docker Engine ($engine_socket): run as root, or join the group docker"
  fi
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

# The demo makes its image from the machine's static busybox, so that it needs no registry. One that is linked to libraries
# would not run in a container; ldd fails for a static one.
ensure_demo_tools() {
  if [ -x /bin/busybox ] && ! ldd /bin/busybox >/dev/null 2>&1; then return 0; fi
  say "the demo makes its containers from a static busybox, and this machine has none"
  as_root_apt busybox-static
}
