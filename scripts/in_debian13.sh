#!/usr/bin/env bash
# Runs a command in this folder, but in a Debian 13 with the packages that
# scripts/setup.sh installs.
#
#   scripts/in_debian13.sh COMMAND [ARGUMENT...]
#
# This Debian is a folder of the cache, which is made once. The status is the
# command's, or 77 where no such folder can be made. All mounts, and all that the
# command has started, end with it.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/common.sh

root=$cape_cache/debian13

say() { printf 'Debian 13: %s\n' "$*"; }

skip() {
  echo "skipped: $*"
  exit 77
}

make_root() {
  local log=$root.log proxy='' options=(--variant=apt)
  rm -rf "$root.partial"
  # A root that an interruption destroys is made again.
  options+=(--dpkgopt=force-unsafe-io)
  eval "$(apt-config shell proxy Acquire::http::Proxy)"
  [[ -z $proxy ]] || options+=("--aptopt=Acquire::http::Proxy \"$proxy\"")
  say "Making $root"
  mmdebstrap "${options[@]}" trixie "$root.partial" >"$log" 2>&1 ||
    skip "no Debian 13 can be made: $(grep '^E:' "$log" | head -n 1);" \
      "all of the output is in $log"
  mkdir -p "$root.partial/root/.cache/cape-farm"
  mv -T "$root.partial" "$root"
}

# Both the cache and the compiler's cache in it are shared with the root.
enter() {
  unshare --mount --pid --fork --kill-child bash -euc '
    root=$1
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount --rbind /sys "$root/sys"
    mount --bind "$2" "$root/root/.cache/cape-farm"
    mount --bind . "$root/mnt"
    exec chroot "$root" env -i --chdir=/mnt HOME=/root LC_ALL=C.UTF-8 \
      PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin \
      ${http_proxy:+"http_proxy=$http_proxy"} \
      CCACHE_DIR=/root/.cache/cape-farm/debian13-ccache "${@:3}"' \
    - "$root" "$cape_cache" "$@"
}

((EUID == 0)) || skip "making a Debian 13 takes root"
command -v mmdebstrap >/dev/null || skip "mmdebstrap is not installed"
unshare --mount --pid --fork --kill-child true 2>/dev/null ||
  skip "no namespaces can be made here"

mkdir -p "$cape_cache"
exec 9>"$root.lock"
flock 9
[[ -d $root ]] || make_root
enter scripts/setup.sh --no-torch
exec 9>&-
enter "$@"
