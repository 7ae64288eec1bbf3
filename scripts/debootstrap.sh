# Sourced by the scripts that make a small Debian, after setup.sh.
# shellcheck shell=sh

# From where this machine gets its own Debian. Elsewhere debootstrap knows a mirror itself.
debian_mirror() {
  apt-get indextargets --format '$(ORIGIN) $(LABEL) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
    sed -n 's/^Debian Debian main //p' | head -n 1
}

# make_debian RELEASE FOLDER PACKAGES LOG: the packages with commas between them. Fails after showing the end of the log.
make_debian() {
  ensure_command debootstrap debootstrap debian-archive-keyring
  # shellcheck disable=SC2046
  debootstrap --variant=minbase --include="$3" "$1" "$2" $(debian_mirror) >"$4" 2>&1 || {
    tail -n 20 "$4" >&2
    return 1
  }
}
