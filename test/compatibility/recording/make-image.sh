#!/bin/sh
# Imports busybox:local, a busybox with a few commands, into the engine of DOCKER_HOST.
set -eu
root=$(mktemp -d)
mkdir "$root/bin"
cp "$(command -v busybox)" "$root/bin/"
for applet in sh sleep true; do ln -s busybox "$root/bin/$applet"; done
tar -C "$root" -c . | docker import -c 'CMD ["sleep","3600"]' - busybox:local >/dev/null
rm -r "$root"
